"""The clip of a case: made by a job of its own, played piece by piece, for reviewers alone, gone with the person."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from heirloom.audit.models import Action, AuditEvent
from heirloom.jobs.models import Job
from heirloom.portal.erasure import erase_person
from heirloom.reviews.models import Review
from tests.admin.conftest import page_of, waiting
from tests.cast import Cast, caller
from tests.pictures import clip as film_of
from tests.pictures import retaken
from tests.portal.conftest import filled_in, photo
from tests.portraits import Portrait
from verification.models import EvidenceClip, Verification
from verification.services import clips


@pytest.fixture
def filmed(
    cast: Cast,
    hana: Client,
    work: Callable[[], None],
    vision_process: Any,
    portraits: dict[str, Portrait],
    tmp_path: Path,
) -> Review:
    """Eileen is enrolled, and a clip of hers waits for a reviewer; nothing was made of it yet."""
    portrait = portraits["astronaut"]
    hana.post("/people/enroll/", filled_in(photo(portrait.jpeg), photo(retaken(portrait))))
    work()
    with film_of(portrait, tmp_path).open("rb") as file:
        answer = caller(cast.cleo).post("/api/v1/verifications/", {"employee_id": "E-1", "file": file})
    assert answer.status_code == 202, answer.content
    work()
    return Review.objects.get()


@pytest.fixture
def playable(filmed: Review, work: Callable[[], None]) -> Review:
    work()
    return filmed


def address(review: Review) -> str:
    return f"/admin/reviews/review/{review.id}/clip/"


def content(answer: HttpResponse) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_page_tells_that_the_clip_is_being_prepared_and_then_shows_it(
    rhea: Client, filmed: Review, work: Callable[[], None]
) -> None:
    assert "being prepared" in rhea.get(page_of(filmed)).content.decode()
    assert rhea.get(address(filmed)).status_code == 404

    work()

    page = rhea.get(page_of(filmed)).content.decode()
    assert f'src="{address(filmed)}"' in page
    assert f'poster="/admin/reviews/review/{filmed.id}/picture/poster/"' in page


def test_a_second_clip_waits_without_a_thread_and_without_losing_an_attempt(
    filmed: Review, work: Callable[[], None]
) -> None:
    with clips._making:
        work()
    job = Job.objects.get(kind="evidence_clip")
    assert (job.state, job.error_code, job.attempts) == ("queued", "transcoder_busy", 0)

    Job.objects.update(ring_at=timezone.now())
    work()

    assert EvidenceClip.objects.get().is_settled


def test_a_reviewer_plays_the_clip_and_one_look_is_noted_once(
    rhea: Client, playable: Review, cast: Cast, tmp_path: Path
) -> None:
    whole = rhea.get(address(playable))
    played = tmp_path / "played.mp4"
    played.write_bytes(content(whole))

    assert (whole.headers["Content-Type"], whole.headers["Accept-Ranges"]) == ("video/mp4", "bytes")
    assert "no-store" in whole.headers["Cache-Control"]
    with av.open(str(played)) as opened:
        assert opened.streams.video[0].codec_context.name == "h264"
    rhea.get(address(playable), headers={"Range": "bytes=5-9"})
    viewed = AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED, actor_id=str(cast.rhea.pk))
    assert [event.details for event in viewed] == [{"clip": True}]


def test_the_clip_is_given_in_parts(rhea: Client, playable: Review) -> None:
    whole = content(rhea.get(address(playable)))
    size = len(whole)

    def part(wanted: str) -> HttpResponse:
        return rhea.get(address(playable), headers={"Range": wanted})

    for wanted, start, stop in (
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, size),
        ("bytes=-50", size - 50, size),
        (f"bytes=7-{size * 2}", 7, size),
    ):
        answer = part(wanted)
        assert (answer.status_code, content(answer)) == (206, whole[start:stop])
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
        assert answer.headers["Content-Length"] == str(stop - start)
    for beyond in (f"bytes={size}-", "bytes=-0"):
        assert part(beyond).status_code == 416
        assert part(beyond).headers["Content-Range"] == f"bytes */{size}"
    for not_understood in ("bytes=5-1", "bytes=0-1,5-9", "lines=1-2", "bytes=-", f"bytes={'9' * 5000}-"):
        assert (part(not_understood).status_code, content(part(not_understood))) == (200, whole)
    head = rhea.head(address(playable))
    assert (head.content, head.headers["Content-Length"]) == (b"", str(size))


def test_the_poster_is_a_picture_of_the_case(rhea: Client, playable: Review) -> None:
    answer = rhea.get(f"/admin/reviews/review/{playable.id}/picture/poster/")

    assert answer.content.startswith(b"\xff\xd8\xff")
    assert "no-store" in answer.headers["Cache-Control"]


def test_others_see_nothing_and_nothing_is_noted(hana: Client, cleo: Client, playable: Review, cast: Cast) -> None:
    for client in (hana, cleo, Client()):
        assert client.get(address(playable)).status_code == 302
    cast.hana.is_staff = True
    cast.hana.save()
    assert hana.get(address(playable)).status_code == 403
    assert not AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).exists()


def test_the_clip_of_another_case_is_not_found(rhea: Client, playable: Review, cast: Cast) -> None:
    other = waiting(cast)
    assert rhea.get(address(other)).status_code == 404
    assert rhea.get(f"/admin/reviews/review/{other.id}/picture/poster/").status_code == 404


def test_a_possible_duplicate_has_no_clip(rhea: Client, doubtful: Review) -> None:
    assert rhea.get(address(doubtful)).status_code == 404


def test_a_photo_has_no_clip(rhea: Client, suspicious: Review) -> None:
    assert not EvidenceClip.objects.exists()
    assert "hl-clip" not in rhea.get(page_of(suspicious)).content.decode()


def test_the_files_are_stored_encrypted_and_go_with_the_person(
    playable: Review, cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    verification = Verification.objects.get(pk=playable.subject_id)
    names = EvidenceClip.objects.get().file_names
    for name in names:
        with default_storage.open(name) as file:
            assert file.read(4) == b"HLS1"

    assert verification.person is not None
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(person=verification.person, actor=cast.ada)

    assert not EvidenceClip.objects.exists()
    assert not any(default_storage.exists(name) for name in names)


def test_a_person_erased_while_the_clip_is_made_leaves_nothing(
    filmed: Review,
    cast: Cast,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    person = Verification.objects.get(pk=filmed.subject_id).person
    names = EvidenceClip.objects.get().file_names
    store = clips._store

    def erased_meanwhile(*given: Any) -> None:
        store(*given)
        assert person is not None
        erase_person(person=person, actor=cast.ada)
        default_storage.save(names[0], ContentFile(b"written late"))

    monkeypatch.setattr(clips, "_store", erased_meanwhile)
    with django_capture_on_commit_callbacks(execute=True):
        work()

    assert not EvidenceClip.objects.exists()
    assert not any(default_storage.exists(name) for name in names)


def test_an_attempt_that_was_cut_off_is_made_good(rhea: Client, filmed: Review, work: Callable[[], None]) -> None:
    default_storage.save(EvidenceClip.objects.get().clip_name, ContentFile(b"half"))

    work()

    assert content(rhea.get(address(filmed)))[4:8] == b"ftyp"


def test_a_clip_that_cannot_be_copied_is_told_and_the_case_can_be_decided(
    rhea: Client, filmed: Review, work: Callable[[], None], settings: Settings
) -> None:
    settings.UPLOAD_MAX_CLIP_SECONDS = 0

    work()

    assert EvidenceClip.objects.get().reason == "clip_too_long"
    assert "The clip is longer than is allowed." in rhea.get(page_of(filmed)).content.decode()
    assert Job.objects.get(kind="evidence_clip").state == "done"
    decided = {"act": "rejected", "reason_code": "poor_evidence"}
    assert rhea.post(page_of(filmed), decided).status_code == 302


def test_a_clip_that_was_given_up_is_told(rhea: Client, filmed: Review) -> None:
    clips.fail(verification_id=filmed.subject_id, code="interrupted")

    assert "No clip to play" in rhea.get(page_of(filmed)).content.decode()
