"""A capture that was handed in before, or that a program made, is told; erased captures leave nothing to compare."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image as PillowImage
from pytest_django import Settings

from enrollment.models import Capture, Person
from enrollment.services import captures
from enrollment.services.at_rest import PlainHashes
from heirloom.accounts.models import User
from heirloom.crypto.marks import marks
from heirloom.decision.reuse import RETRY_S
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from heirloom.media.image import read_still
from heirloom.vision.fingerprint import perceptual_hash
from tests.api.conftest import CONSENT
from tests.cast import Cast, caller, make_cast
from tests.pictures import b64, retaken
from tests.portraits import Portrait
from verification.models import Verification
from verification.services import erasure, verifications
from verification.services.claims import Claim

pytestmark = pytest.mark.usefixtures("vision_process")


@pytest.fixture
def cast(db: None, settings: Settings) -> Cast:
    settings.ATTACK_CHECK_REQUIRED = False
    return make_cast()


@pytest.fixture
def enrolled_file(portraits: dict[str, Portrait]) -> bytes:
    return portraits["astronaut"].jpeg


@pytest.fixture
def take(portraits: dict[str, Portrait]) -> bytes:
    """Another picture of the same face than the one enrolled."""
    return retaken(portraits["astronaut"], mirrored=True)


@pytest.fixture
def eileen(cast: Cast, enrolled_file: bytes, portraits: dict[str, Portrait]) -> Person:
    photos = [enrolled_file, retaken(portraits["astronaut"]), retaken(portraits["astronaut"], turned=-5, light=0.9)]
    body = {"full_name": "Eileen", "employee_id": "E-1", "images": [b64(photo) for photo in photos], "consent": CONSENT}
    answer = caller(cast.hana).post("/api/v1/register-multiple/", body, format="json")
    assert answer.status_code == 201, answer.content
    return Person.objects.get()


@pytest.fixture
def verify(cast: Cast, eileen: Person) -> Callable[..., Verification]:
    """Hand in a photo and have it worked on."""

    def run(photo: bytes, *, person: Person | None = eileen, owner: User = cast.cleo) -> Verification:
        made = verifications.submit(owner=owner, chunks=[photo], source="api", claim=person and Claim.of(person))
        for job in Job.objects.filter(state=JobState.QUEUED):
            jobs.run(job_id=job.id)
        made.refresh_from_db()
        return made

    return run


def signal(verification: Verification, detector: str) -> dict[str, Any]:
    (found,) = (one for one in verification.signals if one["detector"] == detector)
    return dict(found)


def copied(photo: bytes, *, software: str = "") -> bytes:
    with PillowImage.open(BytesIO(photo)) as picture:
        exif = picture.getexif()
        if software:
            exif[0x0131] = software
        buffer = BytesIO()
        picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(buffer, "JPEG", quality=70, exif=exif)
    return buffer.getvalue()


def made_older(verification: Verification) -> None:
    Capture.objects.filter(pk=verification.capture_id).update(
        received_at=timezone.now() - timedelta(seconds=RETRY_S + 60)
    )


def test_a_first_capture_is_clear_and_says_so(verify: Callable[..., Verification], take: bytes) -> None:
    first = verify(take)
    assert first.outcome == "approved"
    assert [one["detector"] for one in first.signals] == ["minifasnet", "injection", "reuse"]
    assert signal(first, "reuse")["outcome"] == signal(first, "injection")["outcome"] == "clear"


def test_an_enrolled_file_is_a_replay(verify: Callable[..., Verification], enrolled_file: bytes) -> None:
    again = verify(enrolled_file)
    assert (again.outcome, again.attack_outcome) == ("needs_review", "attack")
    assert again.reasons[0] == "capture_reused"
    assert signal(again, "reuse")["why"] == "file_enrolled"


def test_a_copy_of_an_enrolled_picture_goes_to_review(
    verify: Callable[..., Verification], enrolled_file: bytes
) -> None:
    again = verify(copied(enrolled_file))
    assert (again.outcome, again.reasons[0]) == ("needs_review", "capture_reused")
    assert signal(again, "reuse")["why"] == "looks_enrolled"


def test_a_clients_retry_is_recorded_and_passes(verify: Callable[..., Verification], take: bytes) -> None:
    verify(take)
    again = verify(take)
    assert again.outcome == "approved"
    assert (signal(again, "reuse")["outcome"], signal(again, "reuse")["why"]) == ("clear", "sent_again")


def test_the_same_file_much_later_goes_to_review(verify: Callable[..., Verification], take: bytes) -> None:
    made_older(verify(take))
    again = verify(take)
    assert (again.outcome, again.reasons[0]) == ("needs_review", "capture_reused")
    assert signal(again, "reuse")["why"] == "file_seen"


def test_a_re_encoded_copy_by_another_client_goes_to_review(
    verify: Callable[..., Verification], take: bytes, cast: Cast
) -> None:
    verify(take)
    again = verify(copied(take), owner=cast.hana)
    assert (again.outcome, signal(again, "reuse")["why"]) == ("needs_review", "looks_seen")


def test_one_file_claimed_for_two_people_is_an_attack(verify: Callable[..., Verification], take: bytes) -> None:
    verify(take)
    other = verify(take, person=Person.objects.create(full_name="Somebody Else"))
    assert signal(other, "reuse")["why"] == "file_of_another"
    assert other.outcome != "approved"


def test_a_search_and_then_a_claim_with_one_file_is_a_retry(verify: Callable[..., Verification], take: bytes) -> None:
    assert signal(verify(take, person=None), "reuse")["outcome"] == "clear"
    assert signal(verify(take), "reuse")["why"] == "sent_again"


def test_an_identification_is_held_to_the_same(verify: Callable[..., Verification], enrolled_file: bytes) -> None:
    found = verify(enrolled_file, person=None)
    assert (found.outcome, found.reasons[0]) == ("needs_review", "capture_reused")


def test_a_file_that_a_program_made_goes_to_review(verify: Callable[..., Verification], take: bytes) -> None:
    edited = verify(copied(take, software="Adobe Photoshop 25.0"))
    assert (edited.outcome, edited.reasons[0]) == ("needs_review", "possible_injection")
    assert signal(edited, "injection")["detail"] == "Adobe Photoshop 25.0"
    assert edited.capture is not None
    assert edited.capture.provenance["software"] == ["Adobe Photoshop 25.0"]


def test_an_erased_capture_cannot_be_found_again(
    verify: Callable[..., Verification], take: bytes, eileen: Person
) -> None:
    made_older(verify(take))
    erasure.forget(person=eileen)
    assert signal(verify(take), "reuse")["outcome"] == "clear"


def test_a_forgotten_file_leaves_no_hash(verify: Callable[..., Verification], take: bytes) -> None:
    first = verify(take)
    assert first.capture is not None
    assert first.capture.looks_marks
    captures.forget_file(first.capture)
    left = Capture.objects.get(pk=first.capture_id)
    assert (left.storage_name, left.bytes_mark, left.looks_marks, left.provenance) == ("", "", [], {})


def test_a_client_is_not_told_what_exactly_was_found(
    verify: Callable[..., Verification], enrolled_file: bytes, cast: Cast
) -> None:
    made = verify(enrolled_file)
    shown = caller(cast.cleo).get(f"/api/v1/verifications/{made.id}/").json()
    assert shown["reasons"][0] == "capture_reused"
    assert all(one["detail"] == "" and one["score"] is None for one in shown["signals"])


def test_nothing_tells_who_has_a_picture_whether_it_is_here(verify: Callable[..., Verification], take: bytes) -> None:
    """Neither the hash of its bytes nor that of its looks stands anywhere in the row."""
    capture = verify(take).capture
    assert capture is not None
    digest, looks = hashlib.sha256(take).hexdigest(), perceptual_hash(read_still(take, captures.limits()).image)
    assert digest not in {capture.bytes_mark, capture.sha256}
    assert looks not in {*capture.looks_marks, *capture.perceptual_hashes}
    assert (capture.bytes_mark, capture.looks_marks) == (marks().of_bytes(digest), marks().of_looks([looks]))


def _as_before(capture: Capture, data: bytes) -> None:
    """Keep the hashes of a capture plain, as the version before did."""
    looks = perceptual_hash(read_still(data, captures.limits()).image)
    Capture.objects.filter(pk=capture.pk).update(
        sha256=hashlib.sha256(data).hexdigest(), perceptual_hashes=[looks], bytes_mark="", looks_marks=[]
    )


@pytest.mark.parametrize("renewed", [False, True])
def test_captures_of_before_an_upgrade_are_compared_with_as_well(
    verify: Callable[..., Verification], take: bytes, renewed: bool, cast: Cast
) -> None:
    first = verify(take)
    _as_before(first.capture, take)
    if renewed:
        list(PlainHashes().renew())
        first.capture.refresh_from_db()
        assert (first.capture.sha256, first.capture.perceptual_hashes) == ("", [])
        assert len(first.capture.looks_marks) == 1
    same, alike = verify(take, owner=cast.carl), verify(copied(take), owner=cast.carl)
    assert signal(same, "reuse")["why"] == "file_seen"
    assert signal(alike, "reuse")["why"] in {"looks_seen", "sent_again"}


def test_a_capture_that_waited_through_an_upgrade_is_compared_by_its_bytes(
    verify: Callable[..., Verification], take: bytes, cast: Cast, eileen: Person
) -> None:
    verify(take)
    waiting = verifications.submit(owner=cast.carl, chunks=[take], source="api", claim=Claim.of(eileen))
    Capture.objects.filter(pk=waiting.capture_id).update(sha256=hashlib.sha256(take).hexdigest(), bytes_mark="")
    for job in Job.objects.filter(state=JobState.QUEUED):
        jobs.run(job_id=job.id)
    waiting.refresh_from_db()
    assert signal(waiting, "reuse")["why"] == "file_seen"
