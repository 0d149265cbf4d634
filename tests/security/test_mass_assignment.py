"""A field that nobody may set changes nothing, wherever it is sent."""

import uuid
from typing import Any

import pytest
from django.db import models
from pytest_django import Settings
from rest_framework.test import APIClient

from enrollment.models import Capture, Consent, Enrollment, FaceTemplate, Import, ImportRow, Person
from heirloom.accounts.models import OutsideLogin, User
from heirloom.api import keys
from heirloom.api.models import ApiKey, TokenFamily
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.reviews.models import Review
from heirloom.reviews.services import open_review
from heirloom.uploads.models import Upload
from heirloom.webhooks.models import WebhookEndpoint
from tests.api.conftest import CONSENT
from tests.cast import PASSWORD, Cast, caller
from tests.pictures import b64
from tests.portraits import Portrait
from tests.sheets import named, person, table
from tests.webhooks.receiver import Receiver
from verification.models import Challenge, Verification

API = "/api/v1/"
PAST = "1999-01-01T00:00:00Z"
OTHER = str(uuid.UUID(int=7))
HOSTILE: dict[str, Any] = {
    "id": OTHER, "pk": OTHER, "uuid": OTHER, "owner_id": 1, "user": 1, "user_id": 1, "person_pk": OTHER,
    "api_key": OTHER, "api_key_id": OTHER, "requested_by": 1, "role": "admin", "roles": ["admin"], "groups": [1],
    "is_superuser": True, "is_staff": True, "is_active": False, "must_change_password": True, "decision": "approved",
    "outcome": "approved", "verdict_by": "rhea", "state": "done", "attempts": 99, "created_at": PAST,
    "updated_at": PAST, "received_at": PAST, "finished_at": PAST, "decided_at": PAST, "revoked_at": PAST,
    "withdrawn_at": PAST, "ended_at": PAST, "last_used_at": PAST, "used_at": PAST, "opened_at": PAST,
    "similarity": 1.0, "score": 1.0, "attack_score": 0.0, "attack_outcome": "bona_fide", "threshold": 0.0,
    "policy_name": "mine", "prefix": "mine", "secret": "mine", "secret_sha256": "0" * 64, "secret_sealed": "mine",
    "former_sha256": "0" * 64, "reference_count": 99, "risk": 0.0, "claimed_by": "rhea",
    "claimed_by_id": 1, "subject_id": OTHER, "kind": "verification", "api_keys": [OTHER], "person_ids": [OTHER],
    "departments": ["Everybody"], "model": "mine", "vector": [0.0], "quality": 1.0, "consent_basis": {"method": "x"},
}  # fmt: skip
ROWS = (
    Person, Consent, Capture, Enrollment, FaceTemplate, Verification, Challenge, Review, WebhookEndpoint, ApiKey,
    TokenFamily, Job, Import, ImportRow, Upload, OutsideLogin,
)  # fmt: skip
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def logins(cast: Cast) -> Any:
    """No call makes or changes a login."""
    before = list(User.objects.order_by("pk").values())
    yield
    assert list(User.objects.order_by("pk").values()) == before
    assert [sorted(user.roles) for user in User.objects.order_by("pk")] == [
        ["hr"], ["reviewer"], ["client"], ["client"], ["admin"],
    ]  # fmt: skip


def everything() -> dict[tuple[type[models.Model], Any], dict[str, Any]]:
    return {(model, row[model._meta.pk.name]): row for model in ROWS for row in model._default_manager.values()}


def set_by(answer: Any, before: dict[Any, dict[str, Any]], but: tuple[str, ...] = ()) -> set[str]:
    """Return the names of hostile fields whose value stands in a row that the call made or changed."""
    assert answer.status_code < 300, answer.content
    stands = set()
    for key, row in everything().items():
        for name, value in row.items():
            sent = HOSTILE.get(name, HOSTILE.get(f"{name}_id"))
            written = value != before.get(key, {}).get(name)
            if name in HOSTILE and name not in but and written and _is(value, sent):
                stands.add(name)
    assert not {str(key[1]) for key in everything()} & {OTHER}
    return stands


def _is(value: Any, sent: Any) -> bool:
    """Say whether a column holds what was sent, however it writes that: a time, an id, a list of ids."""
    if sent == PAST:
        return str(value).startswith(PAST[:10])
    if isinstance(value, list):
        return isinstance(sent, list) and list(map(str, value)) == list(map(str, sent))
    return str(value) == str(sent)


def hostile(**body: Any) -> dict[str, Any]:
    return {**HOSTILE, **body}


def test_people_and_consents(hana: APIClient) -> None:
    before = everything()
    made = hana.post(f"{API}people/", hostile(full_name="Ada Byron"), format="json")
    assert set_by(made, before) == set()
    url = f"{API}people/{made.json()['id']}/"
    before = everything()
    assert set_by(hana.patch(url, hostile(department="Computing"), format="json"), before) == set()
    assert set_by(hana.put(url, hostile(full_name="Ada Lovelace"), format="json"), before) == set()
    assert set_by(hana.post(f"{url}consents/", hostile(**CONSENT), format="json"), before) == set()
    assert set_by(hana.post(f"{url}consents/withdraw/", hostile(), format="json"), before, ("is_active",)) == set()
    assert Person.objects.get().full_name == "Ada Lovelace"
    assert str(Person.objects.get().pk) == made.json()["id"]


def test_verifications_and_challenges(hana: APIClient, cleo: APIClient, cast: Cast, portraits: Any) -> None:
    person_id = hana.post(f"{API}people/", {"full_name": "Ada"}, format="json").json()["id"]
    before = everything()
    body = hostile(person_id=person_id, image_base64=b64(portraits["hopper"].jpeg))
    answer = cleo.post(f"{API}verifications/", body, format="json")
    assert set_by(answer, before, but=("kind", "subject_id")) == set()
    row = Verification.objects.get()
    assert (row.owner_id, row.api_key_id, row.outcome, row.mode) == (cast.cleo.pk, None, "", "verification")
    job = Job.objects.get(subject_id=row.pk)
    assert (job.owner_id, job.state, job.attempts) == (cast.cleo.pk, "queued", 0)
    before = everything()
    link = answer.json()["links"]["self"]
    assert set_by(cleo.post(f"{link}cancel/", hostile(), format="json"), before, ("state",)) == set()
    assert Verification.objects.get().decision == "rejected"
    before = everything()
    given = hostile(person_id=person_id, nonce="mine", steps=[], expires_at="2999-01-01T00:00:00Z")
    challenge = cleo.post(f"{API}challenges/", given, format="json")
    assert set_by(challenge, before) == set()
    assert challenge.json()["nonce"] != "mine"
    assert Challenge.objects.get().expires_at.year < 2999


def test_captures(hana: APIClient, portraits: dict[str, Portrait]) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    person_id = hana.post(f"{API}people/", {"full_name": "Ada"}, format="json").json()["id"]
    hana.post(f"{API}people/{person_id}/consents/", CONSENT, format="json")
    before = everything()
    fields = {name: str(value) for name, value in HOSTILE.items()}
    photo = SimpleUploadedFile("a.jpg", portraits["hopper"].jpeg)
    answer = hana.post(f"{API}people/{person_id}/captures/", {**fields, "files": photo}, format="multipart")
    assert set_by(answer, before) == set()
    assert (Enrollment.objects.get().outcome, Enrollment.objects.get().person_id) == ("pending", uuid.UUID(person_id))


def test_enrollment_in_the_call(hana: APIClient, vision_process: Any, portraits: dict[str, Portrait]) -> None:
    photo = b64(portraits["hopper"].jpeg)
    before = everything()
    face = hostile(person_name="Grace", person_id="emp-1", face_image_base64=photo, consent=hostile(**CONSENT))
    assert set_by(hana.post(f"{API}add-face/", face, format="json"), before, but=("quality",)) == set()
    before = everything()
    other = hostile(
        full_name="Eileen", employee_id="E-1", images=[b64(portraits["astronaut"].jpeg)], consent=hostile(**CONSENT),
        external_id="emp-9", status="suspended",
    )  # fmt: skip
    answer = hana.post(f"{API}register-multiple/", other, format="json")
    assert set_by(answer, before, but=("quality",)) == set()
    made = Person.objects.get(employee_id="E-1")
    assert (made.external_id, made.status) == (None, "active")


def test_reviews(cast: Cast) -> None:
    row = Verification.objects.create(owner=cast.cleo, mode="verification", outcome="needs_review")
    case = open_review(kind="verification", subject_id=row.id, reasons=("presentation_attack",), risk=0.9)
    rhea = caller(cast.rhea)
    verdict = hostile(verdict="rejected", reason="attack_confirmed", reviewer=cast.ada.pk, decided_by=cast.ada.pk)
    for act in ("claim", "release", "claim", "verdict"):
        before = everything()
        body = verdict if act == "verdict" else hostile()
        assert set_by(rhea.post(f"{API}reviews/{case.id}/{act}/", body, format="json"), before) == set()
    case.refresh_from_db()
    assert (case.claimed_by, case.risk, case.subject_id) == (cast.rhea, 0.9, row.id)
    assert Verification.objects.get().decision == "rejected"


def test_webhooks(cleo: APIClient, cast: Cast, settings: Settings) -> None:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    with Receiver() as receiver:
        before = everything()
        given = hostile(url=receiver.url(), events=["verification.decided"], owner="ada", active=False)
        made = cleo.post(f"{API}webhooks/", given, format="json")
        assert set_by(made, before) == set()
        url = f"{API}webhooks/{made.json()['id']}/"
        before = everything()
        assert set_by(cleo.patch(url, hostile(description="x", owner="ada"), format="json"), before) == set()
        assert set_by(cleo.post(f"{url}rotate/", hostile(), format="json"), before) == set()
    row = WebhookEndpoint.objects.get()
    assert (row.owner_id, row.active, made.json()["secret"].startswith("whsec_")) == (cast.cleo.pk, True, True)


def test_api_keys(cleo: APIClient, cast: Cast) -> None:
    before = everything()
    made = cleo.post(f"{API}api-keys/", hostile(name="Kiosk"), format="json")
    assert set_by(made, before) == set()
    assert made.json()["secret"] != "mine"
    url = f"{API}api-keys/{made.json()['id']}/"
    before = everything()
    assert set_by(cleo.patch(url, hostile(name="Desk", owner="ada"), format="json"), before) == set()
    assert set_by(cleo.post(f"{url}rotate/", hostile(), format="json"), before) == set()
    key = ApiKey.objects.get()
    assert (key.owner_id, key.scopes, key.person_ids, key.revoked_at) == (cast.cleo.pk, [], [], None)
    refused = cleo.post(f"{API}api-keys/", hostile(name="x", owner="ada"), format="json")
    assert refused.status_code == 400
    held = keys.create(owner=cast.carl, name="x", actor=cast.carl)
    assert cleo.patch(f"{API}api-keys/{held.key.id}/", hostile(name="y"), format="json").status_code == 404


def test_imports(hana: APIClient, cast: Cast) -> None:
    before = everything()
    fields = {name: str(value) for name, value in HOSTILE.items()}
    rows = [person(1, owner_id="1", person_id=OTHER, external_id="emp-9", status="suspended")]
    refused = hana.post(f"{API}imports/", {**fields, "table": named(table(*rows), "people.csv")}, format="multipart")
    assert refused.status_code == 422
    sent = {**fields, "table": named(table(person(1)), "people.csv"), "dry_run": "true"}
    answer = hana.post(f"{API}imports/", sent, format="multipart")
    assert set_by(answer, before, but=("subject_id",)) == set()
    batch = Import.objects.get()
    assert (batch.owner_id, batch.dry_run, batch.outcome) == (cast.hana.pk, True, "")
    jobs.run(job_id=Job.objects.get(kind="import").id)
    before = everything()
    again = hana.post(f"{answer.json()['links']['self']}retry/", hostile(dry_run=False), format="json")
    assert set_by(again, before, but=("subject_id",)) == set()
    assert Job.objects.exclude(owner=cast.hana).count() == 0


def test_uploads(cleo: APIClient, cast: Cast) -> None:
    before = everything()
    told = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Metadata": "owner_id MQ==,state ZG9uZQ==,id MQ=="}
    begun = cleo.post(f"{API}uploads/?owner_id=1&state=done", headers=told)
    assert set_by(begun, before) == set()
    upload = Upload.objects.get()
    assert (upload.owner_id, upload.size_bytes) == (cast.cleo.pk, 3)


def hostile_in_parts(**body: Any) -> list[dict[str, Any]]:
    """Return the same in bodies that are small enough for a sign-in, each with all that is asked for."""
    names = sorted(set(HOSTILE) - set(body))
    return [{**{name: HOSTILE[name] for name in names[at : at + 20]}, **body} for at in range(0, len(names), 20)]


def test_signing_in_and_out(cast: Cast) -> None:
    client = APIClient()
    for given in hostile_in_parts(username="cleo", password=PASSWORD, sub="1", exp=9999999999, sid=OTHER):
        before = everything()
        tokens = client.post(f"{API}auth/token/", given, format="json")
        assert set_by(tokens, before) == set()
    TokenFamily.objects.exclude(pk=TokenFamily.objects.latest("created_at").pk).delete()
    for part in hostile_in_parts(sub="1"):
        before = everything()
        refreshed = client.post(f"{API}auth/token/refresh/", {**part, **tokens.json()}, format="json")
        assert set_by(refreshed, before) == set()
        tokens = refreshed
    assert TokenFamily.objects.get().user_id == cast.cleo.pk
    for part in hostile_in_parts():
        assert client.post(f"{API}auth/token/revoke/", {**part, **tokens.json()}, format="json").status_code == 204
    assert TokenFamily.objects.get().ended_at.year > 1999
