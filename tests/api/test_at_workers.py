"""The same calls pass the same tests when a vision worker computes them (VISION_MODE=celery)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from heirloom.jobs import vision
from heirloom.jobs.models import VisionCall
from tests.api.test_compare import (
    test_a_bystander_never_verifies,
    test_a_photo_without_a_face_is_refused_and_the_field_named,
    test_an_unknown_model_is_refused_with_what_is_installed,
    test_two_people_are_not_the_same,
    test_two_photos_of_one_face_are_the_same_person,
)
from tests.api.test_detect import (
    test_boxes_are_in_pixels_of_the_picture_that_was_sent,
    test_every_face_is_found_with_its_quality,
    test_no_face_is_an_answer,
)
from tests.api.test_recognize import (
    test_a_gallery_narrows_the_search,
    test_a_stranger_is_nobody,
    test_an_enrolled_face_is_named,
)
from tests.api.test_registration import (
    test_a_face_is_added,
    test_from_a_bad_photo_nothing_is_written,
    test_photos_of_two_people_are_no_person,
    test_several_photos_each_get_their_verdict,
)
from tests.processes import Processes

__all__ = [
    "test_a_bystander_never_verifies",
    "test_a_face_is_added",
    "test_a_gallery_narrows_the_search",
    "test_a_photo_without_a_face_is_refused_and_the_field_named",
    "test_a_stranger_is_nobody",
    "test_an_enrolled_face_is_named",
    "test_an_unknown_model_is_refused_with_what_is_installed",
    "test_boxes_are_in_pixels_of_the_picture_that_was_sent",
    "test_every_face_is_found_with_its_quality",
    "test_from_a_bad_photo_nothing_is_written",
    "test_no_face_is_an_answer",
    "test_photos_of_two_people_are_no_person",
    "test_several_photos_each_get_their_verdict",
    "test_two_people_are_not_the_same",
    "test_two_photos_of_one_face_are_the_same_person",
]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("at_workers")]


@pytest.fixture
def at_workers(worker: Processes, settings: Settings, tmp_path: Path) -> Iterator[None]:
    """This process knows no vision process of its own; the worker does. No call is left behind."""
    settings.VISION_MODE = "celery"
    settings.VISION_SOCKET = tmp_path / "nobody.sock"
    vision.beside.cache_clear()
    yield
    vision.beside.cache_clear()
    assert not VisionCall.objects.exists()
