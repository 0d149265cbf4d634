"""Whoever can write to the database or the storage moves sealed things of the same person: each is found out."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from enrollment.models import Capture, Consent, FaceTemplate, Import, ImportRow, Person, PersonTemplate
from enrollment.services import captures, templates
from enrollment.services.imports import files as import_files
from enrollment.services.imports.tables import Line
from enrollment.services.labelled import enrolled_gallery
from enrollment.services.templates import NewTemplate
from heirloom.api import idempotency
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.crypto import files, former, renewal
from heirloom.crypto import services as crypto
from heirloom.crypto.models import ForgottenFile, FormerSeals
from heirloom.crypto.places import Place
from heirloom.errors import Refusal
from heirloom.jobs import vision_calls
from heirloom.uploads import services as uploads
from heirloom.uploads.models import Upload, UploadPart
from heirloom.vision.types import Template
from heirloom.webhooks import services as webhooks
from tests.cast import Cast, caller
from tests.house import Things, things_of
from tests.pictures import landscape
from verification.models import EvidenceFrame, Verification
from verification.services import at_rest, evidence

MODEL, OTHER = "model-a", "model-b"


def _is_found_out(act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as told:
        act()
    assert (told.value.code, told.value.status) == ("seal_broken", 500)


def _capture(person: Person) -> Capture:
    with captures.stored([[landscape()]], subject=person.id) as (kept,):
        row = captures.row(kept, source="test")
    row.person = person
    row.save()
    return row


def _unit(seed: int) -> Template:
    vector = np.random.default_rng(seed).standard_normal(128).astype("<f4")
    return Template(MODEL, vector / np.linalg.norm(vector))


@pytest.fixture
def ada(db: None) -> Person:
    """Enrolled with two templates of one model and one of another."""
    person = Person.objects.create(full_name="Ada")
    consent = Consent.objects.create(person=person, policy_version="1", method="written", given_at=timezone.now())
    pictures = [_capture(person) for _ in range(3)]
    made = [NewTemplate(picture, _unit(seed), 90.0) for seed, picture in enumerate(pictures[:2])]
    other = NewTemplate(pictures[2], Template(OTHER, _unit(2).vector), 90.0)
    templates.add(person=person, consent=consent, new=[*made, other])
    return person


@pytest.fixture
def things(cast: Cast, settings: Settings) -> Things:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    return things_of(cast.cleo)


def test_a_template_opens_in_its_own_row_alone(ada: Person) -> None:
    first, second = FaceTemplate.objects.filter(model=MODEL).order_by("id")
    FaceTemplate.objects.filter(pk=first.pk).update(vector_sealed=bytes(second.vector_sealed))
    _is_found_out(lambda: templates.refresh(person=ada, model=MODEL))
    _is_found_out(lambda: enrolled_gallery(model=MODEL))


@pytest.mark.parametrize("change", [{"model": MODEL}, {"capture": "another"}], ids=str)
def test_a_template_opens_with_its_own_model_and_picture_alone(ada: Person, change: dict[str, Any]) -> None:
    row = FaceTemplate.objects.get(model=OTHER)
    if "capture" in change:
        change = {"capture": ada.captures.first()}
    FaceTemplate.objects.filter(pk=row.pk).update(**change)
    _is_found_out(lambda: templates.refresh(person=ada, model=change.get("model", OTHER)))


def test_a_mean_opens_for_its_own_model_and_count_alone(ada: Person) -> None:
    """A count that is raised would lower the threshold; one model's numbers mean nothing to another."""
    rows = PersonTemplate.objects.filter(person=ada)
    of_model, of_other = rows.get(model=MODEL), rows.get(model=OTHER)
    for change in ({"reference_count": 5}, {"vector_sealed": bytes(of_other.vector_sealed)}):
        rows.filter(model=MODEL).update(**change)
        _is_found_out(lambda: templates.reference(person=ada, model=MODEL))
        _is_found_out(lambda: templates.from_rows(rows.filter(model=MODEL)))
        of_model.save()
    one = FaceTemplate.objects.filter(model=MODEL).first()
    rows.filter(model=MODEL).update(vector_sealed=bytes(one.vector_sealed))
    _is_found_out(lambda: templates.reference(person=ada, model=MODEL))


def test_a_capture_shows_its_own_file_alone(ada: Person) -> None:
    """Two pictures of one person are sealed under one key."""
    first, second, _ = ada.captures.all()
    Capture.objects.filter(pk=first.pk).update(storage_name=second.storage_name)
    first.refresh_from_db()
    _is_found_out(lambda: captures.read_bytes(first))
    assert captures.read_bytes(second) == landscape()


def test_a_frame_of_evidence_shows_its_own_file_alone(things: Things, cast: Cast) -> None:
    """Neither another frame's of the same verification, nor that of another."""
    frame = things.verification.frames.get()
    second = EvidenceFrame(verification=things.verification, number=1, width=640, height=480)
    second.storage_name = evidence.new_name(things.verification.id, 1)
    files.write(subject=things.verification.capture.subject, name=second.storage_name, chunks=[landscape()])
    elsewhere = things_of(cast.carl).verification.frames.get()
    for name in (second.storage_name, elsewhere.storage_name):
        frame.storage_name = name
        frame.save()
        _is_found_out(lambda: evidence.read_frame(frame=frame, viewer=cast.rhea))


def test_a_caller_is_told_that_it_is_our_fault(things: Things, cast: Cast) -> None:
    cast.cleo.scopes = ["evidence:read"]
    cast.cleo.save()
    things.verification.frames.update(storage_name=f"frames/{things.verification.id}/9")
    client = caller(cast.cleo)
    link = client.get(f"/api/v1/verifications/{things.verification.id}/").json()["frames"][0]["link"]
    answer = client.get(link)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (500, "seal_broken")


def test_a_line_of_an_import_opens_in_its_own_row_alone(cast: Cast) -> None:
    batch = Import.objects.create(owner=cast.hana, dry_run=True)
    lines = [Line(number, {"employee_id": f"E-{number}"}) for number in (2, 3)]
    rows = [
        ImportRow(batch=batch, table=1, line=line.number, cells_sealed=cells)
        for line, cells in zip(lines, import_files.sealed(batch, 1, lines), strict=True)
    ]
    assert import_files.cells_of(batch, rows) == [line.cells for line in lines]
    rows[0].cells_sealed, rows[1].cells_sealed = rows[1].cells_sealed, rows[0].cells_sealed
    for row in rows:
        _is_found_out(lambda row=row: import_files.cells_of(batch, [row]))
    rows[1].line, rows[1].table = 2, 2
    _is_found_out(lambda: import_files.cells_of(batch, rows[1:]))


def test_a_table_of_an_import_is_not_read_for_its_photos(cast: Cast) -> None:
    with import_files.stored(uuid.uuid4(), table=[b"employee_id,full_name\n1,A\n"], photos=None) as (name, _):
        batch = Import(id=uuid.UUID(name.split("/")[1]), archive_name=name)
        with pytest.raises(Refusal, match="seal_broken"), import_files.opened_archive(batch):
            pass


def test_a_part_of_an_upload_is_read_in_its_own_place_alone(cast: Cast) -> None:
    upload = uploads.create(owner=cast.cleo, size_bytes=8)
    uploads.receive(upload=upload, offset=0, pieces=[[b"head"]])
    uploads.receive(upload=upload, offset=4, pieces=[[b"tail"]])
    assert b"".join(uploads.read(upload)) == b"headtail"
    first, second = UploadPart.objects.order_by("start")
    for part, name in ((first, "aside"), (second, first.storage_name), (first, second.storage_name)):
        UploadPart.objects.filter(pk=part.pk).update(storage_name=name)
    _is_found_out(lambda: list(uploads.read(upload)))


def test_what_is_said_of_an_upload_opens_for_it_alone(cast: Cast) -> None:
    upload = uploads.create(owner=cast.cleo, size_bytes=8, metadata="filename YQ==")
    part = crypto.seal(subject=upload.id, plaintext=b"x", place=Place("uploads_upload.other", (str(upload.id),)))
    upload.metadata_sealed = part
    _is_found_out(lambda: uploads.metadata_of(upload))


def test_a_former_secret_does_not_serve_as_the_present_one(things: Things, cast: Cast) -> None:
    endpoint, _ = webhooks.rotate(endpoint=things.webhook, actor=cast.cleo)
    endpoint.secret_sealed = endpoint.old_secret_sealed
    _is_found_out(lambda: webhooks._unsealed(endpoint, webhooks.SECRET))


def test_a_kept_answer_is_given_to_its_own_request_alone(cast: Cast) -> None:
    """All answers are sealed under one key."""
    told = [idempotency.Answer(200, {}, body) for body in ("a", "b")]
    asked = {"caller": cast.cleo, "route": "/x", "fingerprint": "f", "names": ()}
    for key, answer in zip(("k-a", "k-b"), told, strict=True):
        idempotency.keep(idempotency.begin(key=key, **asked), answer, names=())
    one, other = KeyedRequest.objects.all()
    KeyedRequest.objects.filter(pk=one.pk).update(answer=bytes(other.answer))
    given = [key for key in ("k-a", "k-b") if _opens(lambda key=key: idempotency.begin(key=key, **asked))]
    assert len(given) == 1


def _opens(act: Callable[[], object]) -> bool:
    try:
        act()
    except crypto.SealBrokenError:
        return False
    return True


def test_an_answer_of_the_vision_process_is_not_taken_for_another(db: None) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    sealed = vision_calls._sealed("found", one, vision_calls.ANSWERED)
    assert vision_calls._opened(sealed, one, vision_calls.ANSWERED) == "found"
    _is_found_out(lambda: vision_calls._opened(sealed, other, vision_calls.ANSWERED))
    _is_found_out(lambda: vision_calls._opened(sealed, one, vision_calls.ASKED))


# Seals of before: bound to subject and purpose alone.


def _former_seal(subject: uuid.UUID, plain: bytes, context: bytes) -> bytes:
    nonce = b"\7" * crypto.NONCE_BYTES
    key = AESGCM(crypto.data_key(subject, make=True))
    return crypto.VERSION + nonce + key.encrypt(nonce, plain, b"heirloom data\x01" + subject.bytes + context)


@pytest.fixture
def before(ada: Person, things: Things) -> Person:
    """An installation as the version before left it, and as an upgrade finds it."""
    for row in [*FaceTemplate.objects.all(), *PersonTemplate.objects.all()]:
        place = templates.of_mean(row) if isinstance(row, PersonTemplate) else templates.of_template(row)
        plain = crypto.unseal(subject=ada.id, sealed=bytes(row.vector_sealed), place=place)
        type(row).objects.filter(pk=row.pk).update(vector_sealed=_former_seal(ada.id, plain, b"template"))
    batch = Import.objects.create(dry_run=True)
    cells = _former_seal(batch.id, json.dumps({"employee_id": "E-2"}).encode(), b"import row")
    ImportRow.objects.create(batch=batch, table=1, line=2, cells_sealed=cells)
    things.webhook.secret_sealed = _former_seal(things.webhook.id, b"whsec_x", b"webhook secret")
    things.webhook.save()
    Upload.objects.update(metadata_sealed=_former_seal(things.upload.id, b"filename YQ==", b"upload metadata"))
    answer = json.dumps({"status": 200, "headers": {}, "body": "a"}).encode()
    kept = _former_seal(idempotency.SUBJECT, answer, b"kept answerk")
    KeyedRequest.objects.create(id="k", fingerprint="f", names=[], answer=kept, expires_at=timezone.now())
    frame = EvidenceFrame.objects.get()
    frame.storage_name = f"frames/{things.verification.id}/{uuid.uuid4()}"
    files.write(subject=things.verification.capture.subject, name=frame.storage_name, chunks=[landscape()])
    frame.save()
    former.permit()
    return ada


def _all_open(person: Person, cast: Cast) -> None:
    assert templates.reference(person=person, model=MODEL) is not None
    templates.refresh(person=person, model=MODEL)
    batch, upload = Import.objects.get(), Upload.objects.get()
    assert import_files.cells_of(batch, list(batch.rows.all())) == [{"employee_id": "E-2"}]
    assert uploads.metadata_of(upload) == "filename YQ=="
    frame = EvidenceFrame.objects.get()
    assert evidence.read_frame(frame=frame, viewer=cast.rhea) == landscape()


def test_after_an_upgrade_all_opens_and_is_made_anew_and_then_nothing_of_before_opens(
    before: Person, cast: Cast
) -> None:
    _all_open(before, cast)
    old_frame, old_mean = EvidenceFrame.objects.get().storage_name, FaceTemplate.objects.first()
    sealed_before = bytes(old_mean.vector_sealed)
    # `_all_open` made one mean anew, as any change of a person does.
    assert renewal.still_to_do() == {
        "templates": 3, "means": 1, "import lines": 1, "evidence frames": 1, "webhooks: secret_sealed": 1,
        "uploads": 1, "kept answers": 1,
    }  # fmt: skip
    call_command("reseal")
    assert renewal.still_to_do() == {}
    assert not FormerSeals.objects.exists()
    _all_open(before, cast)
    assert EvidenceFrame.objects.get().storage_name != old_frame
    # What a database backup gives is put back: no way down to version 1.
    FaceTemplate.objects.filter(pk=old_mean.pk).update(vector_sealed=sealed_before)
    _is_found_out(lambda: templates.refresh(person=before, model=old_mean.model))


def test_the_permit_of_before_cannot_be_forged(before: Person) -> None:
    row = PersonTemplate.objects.filter(model=MODEL).get()
    former.forbid()
    FormerSeals.objects.create(pk=1, ring_key="test", mark=bytes(32))
    _is_found_out(lambda: templates.from_row(row))
    former.permit()
    FormerSeals.objects.update(ring_key="a key that left the ring")
    _is_found_out(lambda: templates.from_row(row))


def test_a_new_installation_never_opens_a_seal_of_before(ada: Person) -> None:
    assert not former.are_opened()
    row = PersonTemplate.objects.filter(model=MODEL).get()
    plain = crypto.unseal(subject=ada.id, sealed=bytes(row.vector_sealed), place=templates.of_mean(row))
    row.vector_sealed = _former_seal(ada.id, plain, b"template")
    _is_found_out(lambda: templates.from_row(row))


def test_what_does_not_open_keeps_nothing_open(before: Person, things: Things) -> None:
    """A seal that was broken before, and the secret of a webhook whose key is destroyed, are passed over."""
    FaceTemplate.objects.filter(pk=FaceTemplate.objects.first().pk).update(vector_sealed=b"\1" + bytes(60))
    crypto.destroy(subject=things.webhook.id)
    found = renewal.renew_for()
    assert (found["templates"].lost, found["webhooks: secret_sealed"].lost) == (1, 1)
    assert not former.are_opened()


def test_a_turn_that_ends_early_goes_on_where_it_stopped(before: Person) -> None:
    renewal.renew_for(0.0)
    assert former.are_opened()
    assert "templates" not in renewal.still_to_do()
    while former.are_opened():
        renewal.renew_for(0.0)
    assert renewal.still_to_do() == {}


def test_a_frame_that_is_left_half_done_leaves_no_file(before: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    name = EvidenceFrame.objects.get().storage_name
    monkeypatch.setattr(EvidenceFrame, "save", _fails)
    with pytest.raises(RuntimeError):
        list(at_rest.FormerFrames().renew())
    verification = Verification.objects.get(frames__storage_name=name)
    folder = f"frames/{verification.id}"
    there = {f"{folder}/{file}" for file in files.default_storage.listdir(folder)[1]}
    assert there - set(ForgottenFile.objects.values_list("name", flat=True)) == {f"{folder}/0", name}


def _fails(*_: object, **__: object) -> None:
    raise RuntimeError("the database went away")
