"""heirloom_client against a real server with a real worker: every operation, its typed results and errors."""

import ast
import asyncio
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from heirloom_client import (
    AsyncClient,
    Client,
    ConsentGiven,
    InvalidRequestError,
    NotAllowedError,
    NotFoundError,
    Retries,
    TookTooLongError,
    UnusableError,
    UploadBrokenError,
)

from heirloom.api import keys
from tests.cast import PASSWORD, Cast, make_cast
from tests.clients.faulty import BreakingWire
from tests.environment import ROOT
from tests.pictures import clip, landscape, retaken
from tests.portraits import Portrait
from tests.processes import Processes

PACKAGE = ROOT / "clients" / "python" / "heirloom_client"
CONSENT = ConsentGiven("2026-1", datetime(2026, 1, 5, tzinfo=UTC), "written")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def cast(real_passwords: None) -> Cast:
    return make_cast()


@pytest.fixture
def hana(live: str, cast: Cast) -> Iterator[Client]:
    with Client(live, username="hana", password=PASSWORD) as client:
        yield client


@pytest.fixture
def cleo(live: str, cast: Cast) -> Iterator[Client]:
    with Client(live, username="cleo", password=PASSWORD) as client:
        yield client


@pytest.fixture
def hopper(portraits: dict[str, Portrait]) -> Portrait:
    return portraits["hopper"]


def photos(portrait: Portrait) -> list[bytes]:
    return [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]


def test_the_package_stands_alone() -> None:
    for file in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & {"heirloom", "django", "enrollment", "verification"}
    assert (PACKAGE / "py.typed").exists()


def test_work_that_takes_too_long_may_be_waited_for_again_or_cancelled(hana: Client, hopper: Portrait) -> None:
    """No worker runs before the next test."""
    accepted = hana.identify(hopper.jpeg)
    with pytest.raises(TookTooLongError):
        hana.wait(accepted, timeout_s=0.5)
    assert hana.verification(accepted.id).status == "queued"
    cancelled = hana.cancel(accepted.id)
    assert (cancelled.is_done, cancelled.outcome, cancelled.reasons) == (True, "failed", ("cancelled",))


def test_enroll_verify_and_identify(
    hana: Client, cleo: Client, hopper: Portrait, worker: Processes, tmp_path: Path
) -> None:
    person = hana.create_person("Grace Hopper", employee_id="E-1001", department="Research")
    assert (person.employee_id, person.status, person.created_at.tzinfo) == ("E-1001", "active", UTC)
    file = tmp_path / "1.jpg"
    file.write_bytes(hopper.jpeg)
    first, *others = photos(hopper)
    assert first == file.read_bytes()
    visit = hana.wait(hana.enroll(person.id, [file, *map(io.BytesIO, others)], consent=CONSENT))
    assert (visit.outcome, len(visit.captures)) == ("enrolled", 3), visit
    assert all(capture.verdicts[0].accepted for capture in visit.captures)

    attempt = cleo.wait(cleo.verify(retaken(hopper, mirrored=True), employee_id="E-1001"))
    assert (attempt.outcome, attempt.decision) == ("needs_review", "pending")
    assert attempt.reasons == ("attack_check_inconclusive",)
    assert attempt.attack is not None
    assert attempt.attack.outcome == "inconclusive"
    assert not attempt.is_approved
    film = cleo.wait(cleo.verify(clip(hopper, tmp_path), person_id=person.id))
    assert film.similarity is not None
    assert film.similarity > 0.5

    found = hana.wait(hana.identify(retaken(hopper, turned=3)))
    assert [candidate.person_id for candidate in found.candidates] == [person.id]
    assert found.frames[0].link.startswith(f"/api/v1/verifications/{found.id}/frames/")
    best = hana.recognize(retaken(hopper, turned=-3)).best_match
    assert best is not None
    assert (best.person_name, best.employee_id, best.rank) == ("Grace Hopper", "E-1001", 1)
    assert {one.id for one in cleo.verifications(decision="pending")} == {attempt.id, film.id}
    hana.erase(person.id)
    gone = cleo.wait(cleo.verify(retaken(hopper, turned=2), employee_id="E-1001"))
    assert (gone.outcome, gone.reasons[0], gone.person_id) == ("rejected", "no_match", None)
    with pytest.raises(NotFoundError):
        hana.verify(hopper.jpeg, employee_id="E-1001")


def test_what_is_computed_in_the_call(cleo: Client, hopper: Portrait, portraits: dict[str, Portrait]) -> None:
    detection = cleo.detect(hopper.jpeg, return_landmarks=True)
    (face,) = detection.faces
    assert (detection.image_info.width, detection.faces_detected) == (512, 1)
    assert face.bbox.width > 100
    assert face.quality.score > 40
    assert len(face.landmarks) == 68
    assert cleo.compare(hopper.jpeg, retaken(hopper)).is_same_person
    assert not cleo.compare(hopper.jpeg, portraits["astronaut"].jpeg).is_same_person
    check = cleo.anti_spoofing(hopper.jpeg)
    assert (check.outcome, check.why, check.attack_score) == ("inconclusive", "not_installed", None)


def test_faces_are_added_and_people_registered(hana: Client, hopper: Portrait, portraits: dict[str, Portrait]) -> None:
    added = hana.add_face("Grace Hopper", hopper.jpeg, person_id="emp-001", consent=CONSENT)
    assert (added.person_id, added.embedding_extracted) == ("emp-001", True)
    done = hana.register_multiple("Eileen Collins", "E-2", photos(portraits["astronaut"]), consent=CONSENT)
    assert done.accepted == 3
    assert [verdict.accepted for verdict in done.images] == [True, True, True]
    assert [person.full_name for person in hana.people()] == ["Eileen Collins", "Grace Hopper"]
    assert [person.external_id for person in hana.people(search="grace")] == ["emp-001"]


def test_lists_are_read_page_by_page(hana: Client, live: str) -> None:
    names = [f"Person {number:03}" for number in range(55)]
    for name in names:
        hana.create_person(name)
    assert [person.full_name for person in hana.people()] == names

    async def read() -> list[str]:
        async with AsyncClient(live, username="hana", password=PASSWORD) as client:
            return [person.full_name async for person in client.people()]

    assert asyncio.run(read()) == names


def test_an_api_key_opens_what_it_may_and_refusals_are_typed(live: str, cast: Cast, hopper: Portrait) -> None:
    secret = keys.create(owner=cast.cleo, name="desk", actor=cast.cleo).secret
    with Client(live, api_key=secret) as client:
        assert client.detect(hopper.jpeg).faces_detected == 1
        with pytest.raises(NotAllowedError) as denied:
            client.recognize(hopper.jpeg)
        assert (denied.value.status, denied.value.code) == (403, "permission_denied")
        with pytest.raises(UnusableError) as unusable:
            client.compare(hopper.jpeg, landscape())
        assert (unusable.value.code, unusable.value.attr) == ("no_face", "face2_image_base64")
        with pytest.raises(InvalidRequestError) as invalid:
            client.detect(b"no picture")
        assert (invalid.value.status, invalid.value.code) == (415, "unsupported_format")
        with pytest.raises(NotFoundError):
            client.verification("40389cc7-50c5-4b4d-bcf3-be645f975f91")


def test_a_challenge_says_what_to_show(cleo: Client, hana: Client) -> None:
    person = hana.create_person("Grace Hopper", employee_id="E-1001")
    challenge = cleo.challenge(employee_id="E-1001")
    assert challenge.expires_at > datetime.now(UTC)
    assert [step.from_s < step.to_s for step in challenge.steps] == [True] * len(challenge.steps)
    with pytest.raises(UnusableError, match="challenge_needs_clip"):
        cleo.verify(landscape(), person_id=person.id, challenge=challenge)


def test_what_cannot_be_meant_is_refused_before_it_is_sent(cleo: Client) -> None:
    with pytest.raises(ValueError, match="person_id or employee_id"):
        cleo.verify(b"photo")
    with pytest.raises(ValueError, match="file or an upload"):
        cleo.verify(employee_id="E-1")
    with pytest.raises(ValueError, match="time zone"):
        cleo.give_consent("p", ConsentGiven("2026-1", datetime(2026, 1, 5), "written"))  # noqa: DTZ001


def test_asyncio_has_the_same_methods(live: str, cast: Cast, hopper: Portrait, worker: Processes) -> None:
    async def all_of_it() -> None:
        async with AsyncClient(live, username="hana", password=PASSWORD) as client:
            person = await client.create_person("Grace Hopper", employee_id="E-1001")
            visit = await client.wait(await client.enroll(person.id, photos(hopper), consent=CONSENT))
            assert visit.outcome == "enrolled"
            one, two = await asyncio.gather(client.detect(hopper.jpeg), client.recognize(retaken(hopper)))
            assert (one.faces_detected, two.matches_found) == (1, 1)

    asyncio.run(all_of_it())
    ours = {name for name in dir(Client) if not name.startswith("_")}
    assert ours == {name for name in dir(AsyncClient) if not name.startswith("_")}


def test_a_large_file_arrives_whole_over_a_wire_that_breaks(
    live: str, cast: Cast, hopper: Portrait, worker: Processes, tmp_path: Path
) -> None:
    film = clip(hopper, tmp_path, seconds=4, size=720)
    size = film.stat().st_size
    told: list[tuple[int, int]] = []
    cuts = [size // 9, size // 7, size // 5, size // 3]
    with BreakingWire(live, cuts) as wire, Client(wire.url, username="hana", password=PASSWORD) as client:
        upload = client.upload(film, chunk_bytes=size // 6, progress=lambda there, of: told.append((there, of)))
        assert (upload.is_whole, upload.size_bytes) == (True, size)
        assert wire.broken == 4 - len(wire.cuts) > 0
        assert told[-1] == (size, size)
        person = client.create_person("Grace Hopper", employee_id="E-1001")
        visit = client.wait(client.enroll(person.id, upload=upload, consent=CONSENT))
        assert visit.outcome == "enrolled", visit
        again = client.wait(client.verify(upload=client.upload(film), person_id=person.id))
        assert again.similarity is not None


def test_an_upload_that_was_given_up_goes_on_in_another_run(hana: Client, live: str) -> None:
    content = os.urandom(300_000)
    quick = Retries(most=2, first_s=0.01, most_s=0.02)
    hasty = {"username": "hana", "password": PASSWORD, "retries": quick}
    with (
        BreakingWire(live, [150_000] * 20) as wire,
        Client(wire.url, **hasty) as client,
        pytest.raises(UploadBrokenError) as broken,
    ):
        client.upload(content, chunk_bytes=200_000)
    assert hana.upload(content, resume=broken.value.upload_id).is_whole
    with pytest.raises(ValueError, match="bytes"):
        hana.upload(content[:-1], resume=broken.value.upload_id)
