"""POST /people/{id}/export/: all that is held on a person, and nothing of anybody else."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from rest_framework.test import APIClient

from enrollment.models import Capture, Person
from enrollment.services import consents, people
from enrollment.services.disclosure import Document, listed
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import files
from heirloom.portal.export import _zipped
from heirloom.reviews.models import Review
from heirloom.reviews.services import decide
from tests.api.conftest import codes, unknown_id
from tests.cast import Cast, caller
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from verification.models import Candidate, Verification

Work = Callable[[], None]


def exported(client: APIClient, person: str, **query: Any) -> zipfile.ZipFile:
    answer = client.post(f"/api/v1/people/{person}/export/?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    archive = zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content)))
    assert archive.testzip() is None
    return archive


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return list(json.loads(archive.read(name)))


def text_of(archive: zipfile.ZipFile) -> str:
    return " ".join(archive.read(name).decode() for name in archive.namelist() if not name.endswith(".jpg"))


@pytest.fixture
def verified(
    hana: APIClient, cleo: APIClient, cast: Cast, enrolled: dict[str, Any], work: Work, portraits: dict[str, Portrait]
) -> dict[str, Any]:
    """The astronaut, verified once, and once claimed by somebody else."""
    for portrait in (portraits["astronaut"], portraits["hopper"]):
        probe = {"image_base64": b64(retaken(portrait, turned=6)), "person_id": enrolled["person_id"]}
        assert cleo.post("/api/v1/verifications/", probe, format="json").status_code == 202
    work()
    for case in Review.objects.all():
        decide(review_id=case.id, reviewer=cast.rhea, verdict="approved", reason_code="identity_checked_in_person")
    assert sorted(Verification.objects.values_list("decision", flat=True)) == ["approved", "rejected"]
    return enrolled


def test_a_person_gets_all_that_is_held_on_them(
    hana: APIClient, verified: dict[str, Any], portraits: dict[str, Portrait]
) -> None:
    archive = exported(hana, verified["person_id"])
    (person,) = rows(archive, "person.json")
    assert (person["full_name"], person["employee_id"]) == ("Eileen Astronaut", "E-1")
    assert [consent["policy_version"] for consent in rows(archive, "consents.json")] == ["2026-1"]
    assert [visit["outcome"] for visit in rows(archive, "enrollments.json")] == ["enrolled"]
    assert len(rows(archive, "templates.json")) == 3
    assert '"vector"' not in text_of(archive)
    received = {row["id"]: row for row in rows(archive, "captures.json")}
    originals = {archive.read(f"captures/{one}.jpg") for one in received}
    assert portraits["astronaut"].jpeg in originals
    assert len(originals) == 3
    actions = [event["action"] for event in rows(archive, "audit.json")]
    assert {Action.PERSON_CREATED, Action.PERSON_ENROLLED, Action.VERIFICATION_DECIDED} <= set(actions)
    assert "README.txt" in archive.namelist()


def test_of_attempts_only_those_decided_to_show_the_person_come_with_pictures(
    hana: APIClient, verified: dict[str, Any]
) -> None:
    archive = exported(hana, verified["person_id"])
    claims = {row["id"]: row["decision"] for row in rows(archive, "verifications.json")}
    assert sorted(claims.values()) == ["approved", "rejected"]
    pictured = {name.split("/")[1] for name in archive.namelist() if name.startswith("verifications/")}
    assert pictured == {one for one, decision in claims.items() if decision == "approved"}
    (review,) = rows(archive, "reviews.json")
    assert (review["verdict"], review["reason_code"]) == ("approved", "identity_checked_in_person")


def test_the_numbers_of_templates_come_when_asked_for(hana: APIClient, enrolled: dict[str, Any]) -> None:
    templates = rows(exported(hana, enrolled["person_id"], templates="true"), "templates.json")
    assert [len(row["vector"]) for row in templates] == [128, 128, 128]
    assert hana.post(f"/api/v1/people/{enrolled['person_id']}/export/?templates=perhaps").status_code == 400


def test_nobody_else_is_in_it(hana: APIClient, cast: Cast, verified: dict[str, Any]) -> None:
    other = people.create_person(full_name="Otto Other", employee_id="X-77", actor=cast.hana)
    search = Verification.objects.create(owner=cast.cleo, mode="identification", outcome="approved", similarity=0.91337)
    for rank, person in ((1, other), (2, Person.objects.get(pk=verified["person_id"]))):
        Candidate.objects.create(verification=search, person=person, rank=rank, score=0.9, similarity=rank / 4)
    Person.objects.get(pk=verified["person_id"]).enrollments.update(duplicate_of=other, duplicate_similarity=0.773311)
    archive = exported(hana, verified["person_id"])
    (found,) = rows(archive, "searches.json")
    assert (found["rank"], found["similarity"]) == (2, 0.5)
    told = text_of(archive)
    for secret in ("Otto", "X-77", str(other.id), "0.773311", "0.91337", "hana", "rhea", "cleo"):
        assert secret not in told, secret


def test_each_export_stands_in_the_audit_log(hana: APIClient, cast: Cast, enrolled: dict[str, Any]) -> None:
    exported(hana, enrolled["person_id"], templates="true")
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, str(event.subject_id)) == (Action.PERSON_EXPORTED, enrolled["person_id"])
    assert (event.actor_id, event.details) == (str(cast.hana.pk), {"vectors": True})
    assert audit.verify().intact


def test_nobody_on_the_way_may_keep_it_and_its_name_tells_nothing(hana: APIClient, cast: Cast) -> None:
    person = people.create_person(full_name="Ada Byron", employee_id="E-1", actor=cast.hana)
    answer = hana.post(f"/api/v1/people/{person.id}/export/", headers={"Accept": "application/zip"})
    assert answer.headers["Content-Type"] == "application/zip"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="person-{person.id}.zip"'


def test_only_hr_and_admin_may_export(cast: Cast) -> None:
    person = people.create_person(full_name="Ada Byron", actor=cast.hana)
    link = f"/api/v1/people/{person.id}/export/"
    for user, status in ((None, 401), (cast.cleo, 403), (cast.rhea, 403), (cast.ada, 200)):
        assert caller(user).post(link).status_code == status
    assert AuditEvent.objects.filter(action=Action.PERSON_EXPORTED).count() == 1


def test_nobody_by_that_id_is_404(hana: APIClient) -> None:
    answer = hana.post(f"/api/v1/people/{unknown_id()}/export/")
    assert (answer.status_code, codes(answer)) == (404, ["not_found"])
    assert hana.get(f"/api/v1/people/{unknown_id()}/export/").status_code == 405


def test_a_person_with_nothing_gets_empty_lists(hana: APIClient, cast: Cast) -> None:
    person = people.create_person(full_name="Ada Byron", actor=cast.hana)
    consents.give(person=person, policy_version="1", method="written", given_at=person.created_at, actor=None)
    archive = exported(hana, str(person.id))
    assert rows(archive, "captures.json") == rows(archive, "verifications.json") == []


def test_it_takes_the_same_memory_however_much_there_is(cast: Cast) -> None:
    person = people.create_person(full_name="Ada Byron", actor=cast.hana)
    megabyte = bytes(range(256)) * 4096
    kept = files.write(subject=person.id, name="captures/large", chunks=(megabyte for _ in range(64)))
    Capture.objects.create(
        subject=person.id, person=person, kind="video", mime="video/mp4", source="test", storage_name=kept.name,
        sha256=kept.sha256, size_bytes=kept.size,
    )  # fmt: skip

    def documents() -> Iterator[Document]:
        yield listed("many.json", ({"number": number, "text": "x" * 1000} for number in range(20_000)))
        yield Document("large.mp4", files.read(subject=person.id, name=kept.name, place=kept.name), is_text=False)

    tracemalloc.start()
    total = sum(len(chunk) for chunk in _zipped(documents()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > kept.size
    assert peak < 8 * 1024 * 1024
