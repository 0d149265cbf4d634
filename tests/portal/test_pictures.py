"""Pictures of enrolled people: seen by HR alone, and never unnoticed."""

import uuid
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from django.test import Client
from PIL import Image as PillowImage

from enrollment.models import Capture, Person
from heirloom.audit.models import Action, AuditEvent
from tests.cast import Cast
from tests.pictures import clip
from tests.portal.conftest import photo
from tests.portraits import Portrait


@pytest.fixture
def capture(hana: Client, grace: Person, portraits: dict[str, Portrait]) -> Capture:
    hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(portraits["hopper"].jpeg)]})
    return grace.captures.get()


def test_hr_sees_a_picture_and_it_is_noted_who_looked(hana: Client, capture: Capture, cast: Cast) -> None:
    answer = hana.get(f"/captures/{capture.id}/image/")
    with PillowImage.open(BytesIO(answer.content)) as picture:
        assert picture.format == "JPEG"
        assert not picture.getexif()
    assert answer.headers["Cache-Control"] == "private, no-store"
    viewed = AuditEvent.objects.get(action=Action.EVIDENCE_VIEWED)
    assert (viewed.actor_id, viewed.subject_id) == (str(cast.hana.pk), capture.person_id)
    assert viewed.details == {"capture": str(capture.id)}


def test_of_a_clip_one_frame_is_seen(
    hana: Client,
    grace: Person,
    work: Callable[[], None],
    vision_process: Path,
    portraits: dict[str, Portrait],
    tmp_path: Path,
) -> None:
    film = clip(portraits["hopper"], tmp_path).read_bytes()
    hana.post(f"/people/{grace.id}/enroll/", {"captures": [photo(film, "clip.mp4")]})
    work()
    answer = hana.get(f"/captures/{grace.captures.get().id}/image/?at=0.5")
    assert answer.headers["Content-Type"] == "image/jpeg"


def test_nonsense_for_a_time_is_no_fault(hana: Client, capture: Capture) -> None:
    for at in ("nan", "inf", "soon"):
        assert hana.get(f"/captures/{capture.id}/image/?at={at}").status_code == 200


def test_others_see_nothing_and_nothing_is_noted(rhea: Client, cleo: Client, capture: Capture) -> None:
    assert rhea.get(f"/captures/{capture.id}/image/").headers["Location"] == "/admin/"
    assert cleo.get(f"/captures/{capture.id}/image/").status_code == 403
    assert not AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).exists()


def test_a_capture_that_is_gone_is_not_found(hana: Client, capture: Capture) -> None:
    capture.storage_name = ""
    capture.save()
    assert hana.get(f"/captures/{capture.id}/image/").status_code == 404
    assert hana.get(f"/captures/{uuid.uuid4()}/image/").status_code == 404


def test_a_probe_is_no_picture_of_the_portal(hana: Client, capture: Capture) -> None:
    capture.person = None
    capture.save()
    assert hana.get(f"/captures/{capture.id}/image/").status_code == 404
