"""Enrolling a new person: all of it or nothing of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from enrollment.models import Capture, Consent, Enrollment, Person
from heirloom.audit.models import Action, AuditEvent
from heirloom.jobs.models import Job
from tests.pictures import clip, landscape, retaken
from tests.portal.conftest import filled_in, latest, photo, text_of
from tests.portraits import Portrait

URL = "/people/enroll/"


def stored_files() -> int:
    folder = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    return sum(1 for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def nothing_written() -> Callable[[], None]:
    before = stored_files()

    def check() -> None:
        assert not Person.objects.exists()
        assert not Consent.objects.exists()
        assert not Capture.objects.exists()
        assert not Job.objects.exists()
        assert stored_files() == before

    return check


def test_good_photos_enroll_a_person(
    hana: Client, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    portrait = portraits["astronaut"]
    photos = [photo(portrait.jpeg), photo(retaken(portrait)), photo(retaken(portrait, turned=-5))]
    answer = hana.post(URL, filled_in(*photos))
    assert answer.headers["Location"] == f"/enrollments/{latest().id}/"
    assert "Looking at the pictures" in text_of(hana.get(answer.headers["Location"]))
    work()
    page = text_of(hana.get(answer.headers["Location"]))
    assert "Eileen Collins is enrolled" in page
    assert "3 of 3 files accepted." in page
    assert Person.objects.get().templates.count() == 3
    assert Consent.objects.get().policy_version == settings.CONSENT_POLICY_VERSION


def test_each_refused_photo_says_why_and_what_to_do(
    hana: Client, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    hana.post(URL, filled_in(photo(portraits["hopper"].jpeg), photo(landscape())))
    work()
    page = text_of(hana.get(f"/enrollments/{latest().id}/"))
    assert "1 of 2 files accepted." in page
    assert "No face was found." in page
    assert "Face the camera, alone, in even light." in page
    assert "Add more photos" in page


def test_a_clip_enrolls_too(
    hana: Client, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait], tmp_path: Path
) -> None:
    film = clip(portraits["hopper"], tmp_path)
    hana.post(URL, filled_in(photo(film.read_bytes(), "clip.mp4")))
    work()
    page = text_of(hana.get(f"/enrollments/{latest().id}/"))
    assert "Clip 1" in page
    assert "is enrolled" in page


def test_a_face_that_is_there_already_waits_without_saying_whose_it_is(
    hana: Client, work: Callable[[], None], vision_process: Path, portraits: dict[str, Portrait]
) -> None:
    portrait = portraits["astronaut"]
    hana.post(URL, filled_in(photo(portrait.jpeg)))
    work()
    hana.post(URL, filled_in(photo(retaken(portrait)), full_name="Somebody Else", employee_id="E-2"))
    work()
    page = text_of(hana.get(f"/enrollments/{latest().id}/"))
    assert "Waits for a reviewer" in page
    assert "already belongs to another person" in page
    assert "Eileen" not in page
    assert not Person.objects.get(employee_id="E-2").templates.exists()


def test_a_number_in_use_stands_at_its_field_and_everything_is_kept(
    hana: Client, grace: Person, portraits: dict[str, Portrait]
) -> None:
    answer = hana.post(URL, filled_in(photo(portraits["astronaut"].jpeg), employee_id="E-7"))
    page = text_of(answer)
    assert answer.status_code == 422
    assert "Another person has this employee number." in page
    assert 'value="Eileen Collins"' in page
    assert 'value="eileen@example.org"' in page
    assert Person.objects.get() == grace


def test_a_file_that_is_no_picture_leaves_nothing_behind(
    hana: Client, nothing_written: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    good, bad = photo(portraits["astronaut"].jpeg), photo(b"not a picture", "notes.jpg")
    answer = hana.post(URL, filled_in(good, bad))
    assert answer.status_code == 422
    assert "notes.jpg: This kind of file is not taken." in text_of(answer)
    nothing_written()


def test_an_empty_file_is_named(hana: Client, nothing_written: Callable[[], None]) -> None:
    answer = hana.post(URL, filled_in(photo(b"", "empty.jpg")))
    assert answer.status_code == 422
    assert "empty" in text_of(answer)
    nothing_written()


def test_without_consent_nobody_is_enrolled(
    hana: Client, nothing_written: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    form = filled_in(photo(portraits["astronaut"].jpeg))
    del form["consent_agreed"]
    answer = hana.post(URL, form)
    assert answer.status_code == 422
    assert "Nobody is enrolled without consent." in text_of(answer)
    nothing_written()


def test_a_consent_of_tomorrow_is_refused(hana: Client, portraits: dict[str, Portrait]) -> None:
    form = filled_in(photo(portraits["astronaut"].jpeg), consent_given_on="2999-01-01")
    assert "This day has not come yet." in text_of(hana.post(URL, form))


def test_without_pictures_one_is_asked_for(hana: Client, nothing_written: Callable[[], None]) -> None:
    assert "Add at least one photo or a clip." in text_of(hana.post(URL, filled_in()))
    nothing_written()


def test_more_than_twenty_files_at_once_are_refused(
    hana: Client, nothing_written: Callable[[], None], portraits: dict[str, Portrait]
) -> None:
    photos = [photo(portraits["astronaut"].jpeg) for _ in range(21)]
    assert "At most 20 files at once." in text_of(hana.post(URL, filled_in(*photos)))
    nothing_written()


def test_the_script_is_told_where_to_go(hana: Client, portraits: dict[str, Portrait]) -> None:
    form = filled_in(photo(portraits["astronaut"].jpeg))
    answer = hana.post(URL, form, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == f"/enrollments/{latest().id}/"


def test_what_was_done_is_audited(hana: Client, cast: object, portraits: dict[str, Portrait]) -> None:
    hana.post(URL, filled_in(photo(portraits["astronaut"].jpeg)))
    done = AuditEvent.objects.exclude(subject_kind="login").order_by("sequence").values_list("action", flat=True)
    assert list(done) == [Action.PERSON_CREATED, Action.CONSENT_GIVEN, Action.CAPTURE_RECEIVED]


def test_it_is_for_hr_alone(rhea: Client, cleo: Client, portraits: dict[str, Portrait]) -> None:
    form = filled_in(photo(portraits["astronaut"].jpeg))
    assert rhea.post(URL, form).status_code == 302
    assert cleo.post(URL, form).status_code == 403
    assert not Enrollment.objects.exists()


def test_other_methods_are_refused(hana: Client) -> None:
    assert hana.put(URL).status_code == 405
