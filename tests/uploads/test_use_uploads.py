"""`upload_id` in place of a file: used once, by its owner, when it is whole; then nothing of it is left."""

import uuid
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Capture, Enrollment
from enrollment.services import captures
from heirloom.crypto.models import DataKey, ForgottenFile
from heirloom.errors import Refusal
from heirloom.jobs.models import Job
from heirloom.uploads import services
from heirloom.uploads.models import Upload, UploadPart
from tests.api.conftest import unknown_id
from tests.cast import Cast, caller
from tests.pictures import clip
from tests.portraits import Portrait
from tests.uploads.conftest import URL, Sender, attrs, codes
from verification.models import Challenge, Verification

VERIFICATIONS = "/api/v1/verifications/"
Committed = Callable[..., Any]
Stored = Callable[[], list[Path]]


def verify(client: APIClient, upload: object, **more: Any) -> Any:
    headers = more.pop("headers", {})
    body = {"employee_id": "E-7", "upload_id": str(upload), **more}
    return client.post(VERIFICATIONS, body, format="json", headers=headers)


def hand_in(client: APIClient, person: str, **body: Any) -> Any:
    return client.post(f"/api/v1/people/{person}/captures/", body, format="json")


def test_an_upload_becomes_the_probe_of_a_verification(
    tus: Sender, person: str, photo: bytes, storage: Stored, committed: Committed
) -> None:
    upload = tus.sent(photo)
    with committed():
        answer = verify(tus.client, upload)
    assert answer.status_code == 202
    capture = Verification.objects.get(pk=answer.json()["id"]).capture
    assert capture is not None
    assert (capture.size_bytes, captures.read_bytes(capture)) == (len(photo), photo)
    assert [file.name for file in storage()] == [str(capture.id)]
    assert not UploadPart.objects.exists()
    assert DataKey.objects.get(subject=upload).wrapped is None
    assert Job.objects.get().subject_id == uuid.UUID(answer.json()["id"])


def test_an_upload_may_be_named_in_a_form(tus: Sender, person: str, photo: bytes) -> None:
    body = {"employee_id": "E-7", "upload_id": tus.sent(photo)}
    assert tus.client.post(VERIFICATIONS, body, format="multipart").status_code == 202


@pytest.mark.parametrize("shape", ["json", "multipart"])
def test_an_upload_enrolls(
    hana: APIClient, person: str, photo: bytes, storage: Stored, committed: Committed, shape: str
) -> None:
    upload = Sender(hana).sent(photo)
    with committed():
        answer = hana.post(f"/api/v1/people/{person}/captures/", {"upload_id": upload}, format=shape)
    assert answer.status_code == 202
    capture = Enrollment.objects.get(pk=answer.json()["id"]).captures.get()
    assert captures.read_bytes(capture) == photo
    assert (capture.subject, len(storage())) == (uuid.UUID(person), 1)


def test_a_clip_enrolls_by_upload(
    hana: APIClient,
    person: str,
    portraits: dict[str, Portrait],
    work: Callable[[], None],
    vision_process: Path,
    tmp_path: Path,
) -> None:
    film = clip(portraits["hopper"], tmp_path).read_bytes()
    answer = hand_in(hana, person, upload_id=Sender(hana).sent(film))
    work()
    visit = hana.get(answer.json()["links"]["self"]).json()
    assert (visit["outcome"], visit["captures"][0]["kind"]) == ("enrolled", "video")


def test_an_upload_answers_a_challenge(
    tus: Sender, person: str, portraits: dict[str, Portrait], vision_process: Path, tmp_path: Path
) -> None:
    challenge = tus.client.post("/api/v1/challenges/", {"employee_id": "E-7"}, format="json").json()
    named = {"challenge_id": challenge["id"], "challenge_nonce": challenge["nonce"]}
    photo = tus.sent(portraits["hopper"].jpeg)
    answer = verify(tus.client, photo, **named)
    assert codes(answer) == ["challenge_needs_clip"]
    assert Upload.objects.get(pk=photo).used_at is None, "a refused request uses nothing up"
    answer = verify(tus.client, tus.sent(clip(portraits["hopper"], tmp_path).read_bytes()), **named)
    assert answer.status_code == 202
    assert str(Challenge.objects.get().verification_id) == answer.json()["id"]


def test_an_upload_counts_once(tus: Sender, hana: APIClient, person: str, photo: bytes) -> None:
    upload = tus.sent(photo)
    assert verify(tus.client, upload).status_code == 202
    answer = verify(tus.client, upload)
    assert (answer.status_code, codes(answer), attrs(answer)) == (409, ["upload_used"], ["upload_id"])
    assert tus.ask("HEAD", f"{URL}{upload}/").status_code == 410
    assert Capture.objects.count() == 1
    own = Sender(hana).sent(photo)
    assert hand_in(hana, person, upload_id=own).status_code == 202
    assert codes(hand_in(hana, person, upload_id=own)) == ["upload_used"]


def test_of_two_uses_at_once_one_counts(tus: Sender, person: str, photo: bytes, storage: Stored) -> None:
    """One is still reading when the other is done; a third had read it all."""
    path = tus.begin(len(photo))
    tus.send(path, photo[:1000], 0)
    tus.send(path, photo[1000:], 1000)
    upload = Upload.objects.get()
    read = services.read(upload)
    assert next(read) == photo[:1000]
    assert verify(tus.client, upload.id).status_code == 202
    with pytest.raises(Refusal, match="used before"):
        b"".join(read)
    with pytest.raises(Refusal, match="used before"):
        services.use(upload)


def test_the_same_request_sent_again_gets_the_first_answer(tus: Sender, person: str, photo: bytes) -> None:
    upload, key = tus.sent(photo), {"Idempotency-Key": "one"}
    first, again = (verify(tus.client, upload, headers=key) for _ in range(2))
    assert (first.status_code, first.json()) == (202, again.json())
    assert (again["Idempotency-Replayed"], Verification.objects.count()) == ("true", 1)


def test_another_callers_upload_is_not_there(tus: Sender, hana: APIClient, cast: Cast, person: str) -> None:
    upload = tus.sent(b"x")
    for answer in (
        verify(caller(cast.carl), upload),
        verify(hana, upload),
        verify(tus.client, unknown_id()),
        hand_in(hana, person, upload_id=upload),
    ):
        assert (answer.status_code, codes(answer), attrs(answer)) == (404, ["not_found"], ["upload_id"])


def test_an_upload_must_be_whole(tus: Sender, person: str, photo: bytes) -> None:
    path = tus.begin(len(photo))
    tus.send(path, photo[:-1], 0)
    upload = path.removeprefix(URL).strip("/")
    answer = verify(tus.client, upload)
    assert (answer.status_code, codes(answer)) == (409, ["upload_incomplete"])
    tus.send(path, photo[-1:], len(photo) - 1)
    assert verify(tus.client, upload).status_code == 202


def test_an_expired_upload_is_gone(tus: Sender, person: str, photo: bytes) -> None:
    upload = tus.sent(photo)
    Upload.objects.update(expires_at=timezone.now())
    answer = verify(tus.client, upload)
    assert (answer.status_code, codes(answer)) == (410, ["upload_gone"])


def test_what_is_refused_leaves_the_upload_as_it_was(
    tus: Sender, hana: APIClient, person: str, storage: Stored, committed: Committed
) -> None:
    upload, own = tus.sent(b"no picture at all"), Sender(hana).sent(b"no picture at all")
    before = storage()
    with committed():
        assert (
            codes(verify(tus.client, upload)) == codes(hand_in(hana, person, upload_id=own)) == ["unsupported_format"]
        )
        assert codes(verify(tus.client, tus.sent(b""))) == ["empty_file"]
    assert storage() == before
    assert not Upload.objects.exclude(used_at=None).exists()
    assert not Capture.objects.exists()


@pytest.mark.parametrize("also", [{"image_base64": "QUJD"}, {"upload_id": "no id"}, {"upload_id": None}])
def test_one_thing_is_handed_in(tus: Sender, person: str, also: dict[str, Any]) -> None:
    assert verify(tus.client, tus.sent(b"x"), **also).status_code == 400


def test_captures_take_files_or_an_upload(hana: APIClient, person: str, photo: bytes) -> None:
    named = BytesIO(photo)
    named.name = "a.jpg"
    both = {"files": [named], "upload_id": Sender(hana).sent(photo)}
    assert hana.post(f"/api/v1/people/{person}/captures/", both, format="multipart").status_code == 400
    assert (codes(hand_in(hana, person)), attrs(hand_in(hana, person))) == (["required"], ["files"])


def test_a_used_upload_is_swept_a_day_later(
    tus: Sender, person: str, photo: bytes, storage: Stored, committed: Committed
) -> None:
    with committed():
        verify(tus.client, tus.sent(photo))
    assert services.sweep() == 0
    Upload.objects.update(used_at=timezone.now() - services.KEPT_FOR)
    with committed():
        assert services.sweep() == 1
    assert not Upload.objects.exists()
    assert not ForgottenFile.objects.exists()


def test_what_a_killed_server_left_behind_goes_with_the_upload(
    tus: Sender, storage: Stored, committed: Committed
) -> None:
    path = tus.begin(10)
    tus.send(path, b"01234", 0)
    part = UploadPart.objects.get()
    part.is_counted = False
    part.save()
    Upload.objects.update(offset=0)
    with committed():
        assert tus.send(path, b"0123456789", 0).status_code == 204
    assert len(storage()) == UploadPart.objects.count() == 1
