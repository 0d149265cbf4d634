"""Templates of turned faces that were enrolled before faces were proved upright are found, and a human decides."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from enrollment.models import Capture, FaceTemplate, Person, PersonTemplate
from enrollment.services import erasure, templates, turned
from heirloom.audit.models import Action, AuditEvent
from heirloom.crypto import services as crypto
from heirloom.jobs.vision import vision
from heirloom.media.types import Image
from heirloom.reviews.models import Review
from heirloom.reviews.services import decide
from heirloom.vision.features import templates as made_of
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import Runtime
from heirloom.vision.turning import turned_face, turned_image
from heirloom.vision.types import AnalysisRequest, Template
from tests.cast import Cast
from tests.enrollment.conftest import CONSENT
from tests.pictures import b64, retaken
from tests.portal.conftest import signed_in, text_of
from tests.portraits import Portrait

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vision_process")]
MODEL = "dlib-resnet-v1-avg3"


@pytest.fixture
def eileen(hana: APIClient, portraits: dict[str, Portrait]) -> Person:
    """Enrolled by three photos."""
    portrait = portraits["astronaut"]
    photos = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
    body = {"full_name": "Eileen", "employee_id": "E-1", "images": [b64(p) for p in photos], "consent": CONSENT}
    assert hana.post("/api/v1/register-multiple/", body, format="json").status_code == 201
    return Person.objects.get(employee_id="E-1")


@pytest.fixture
def misread(eileen: Person, portraits: dict[str, Portrait]) -> FaceTemplate:
    """One of her templates as it was made of a photo that hung, before anybody asked how the face stands."""
    row = eileen.templates.order_by("created_at", "id").first()
    assert row is not None
    vector = of_a_hanging_face(Image(portraits["astronaut"].pixels)).vector
    sealed = crypto.seal(subject=eileen.id, plaintext=vector.astype("<f4").tobytes(), place=templates.of_template(row))
    FaceTemplate.objects.filter(pk=row.pk).update(vector_sealed=sealed)
    templates.refresh(person=eileen, model=MODEL)
    row.refresh_from_db()
    return row


def of_a_hanging_face(image: Image) -> Template:
    (analysis,) = vision().analyze([image], AnalysisRequest(want=frozenset({"template"})))
    there, face = turned_image(image, 2), turned_face(analysis.faces[0].face, 2, image)
    pack = Registry(Path(settings.MODELS_DIR), Runtime(threads=1), "dlib").pack("dlib")
    (template,) = made_of(pack.recogniser, [(there, replace(face, turn=0))])
    return template


def check() -> str:
    told = StringIO()
    call_command("reembed", "check", stdout=told)
    return told.getvalue()


def test_sound_templates_open_no_case(eileen: Person) -> None:
    assert turned.still_to_check() == 3
    assert "3 captures were looked at; 3 are upright." in check()
    assert not Review.objects.exists()


def test_a_template_of_a_turned_face_becomes_a_case_once(eileen: Person, misread: FaceTemplate) -> None:
    assert "1 cases were opened" in check()
    case = Review.objects.get()
    assert (case.kind, case.subject_id, case.reasons) == ("turned", misread.capture_id, ["face_turned"])
    assert "0 cases were opened" in check(), "run again it does no harm"
    assert Review.objects.count() == 1
    assert AuditEvent.objects.filter(action=Action.REVIEW_OPENED).count() == 1


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(eileen: Person, misread: FaceTemplate) -> None:
    for _ in turned.check(packs={MODEL: "dlib"}, vision=vision()):
        break
    list(turned.check(packs={MODEL: "dlib"}, vision=vision()))
    assert Review.objects.count() == 1


def test_rejected_takes_the_template_out_of_use(cast: Cast, eileen: Person, misread: FaceTemplate) -> None:
    check()
    before = bytes(PersonTemplate.objects.get(person=eileen).vector_sealed)
    decide(review_id=Review.objects.get().id, reviewer=cast.rhea, verdict="rejected", reason_code="poor_evidence")
    misread.refresh_from_db()
    assert misread.retired_at is not None
    row = PersonTemplate.objects.get(person=eileen)
    assert (row.reference_count, bytes(row.vector_sealed) == before) == (2, False)
    assert AuditEvent.objects.filter(action=Action.TEMPLATE_RETIRED, subject_id=eileen.id).count() == 1
    assert "2 captures were looked at; 2 are upright." in check()


def test_approved_keeps_it_and_nobody_asks_again(cast: Cast, eileen: Person, misread: FaceTemplate) -> None:
    check()
    decide(review_id=Review.objects.get().id, reviewer=cast.rhea, verdict="approved", reason_code="same_person")
    assert PersonTemplate.objects.get(person=eileen).reference_count == 3
    assert "0 cases were opened" in check()


def test_without_any_template_left_a_person_is_not_enrolled(cast: Cast, eileen: Person) -> None:
    for capture in Capture.objects.filter(person=eileen):
        turned.retire(person=eileen, capture=capture)
    assert not PersonTemplate.objects.exists()


def test_what_cannot_be_looked_at_is_told_and_does_not_pass(eileen: Person) -> None:
    Capture.objects.filter(person=eileen).update(storage_name="")
    with pytest.raises(CommandError, match="Of 3 captures nothing can be told"):
        check()
    assert not Review.objects.exists()


def test_a_reviewer_sees_the_picture_beside_the_others(
    cast: Cast, eileen: Person, misread: FaceTemplate, hana: APIClient
) -> None:
    check()
    case = Review.objects.get()
    page = text_of(signed_in(cast.rhea).get(f"/admin/reviews/review/{case.id}/change/"))
    assert "Does this picture show Eileen, upright?" in page
    assert "Turned face" in page
    assert case.askers == [cast.hana.pk], "who handed it in does not decide"


def test_an_erased_person_leaves_no_case(eileen: Person, misread: FaceTemplate) -> None:
    check()
    erasure.erase(person=eileen, actor=None)
    assert not Review.objects.exists()


def test_a_misread_face_is_far_from_itself(eileen: Person, misread: FaceTemplate) -> None:
    others = [templates.unsealed(row) for row in eileen.templates.exclude(pk=misread.pk)]
    hanging = templates.unsealed(misread)
    assert all(float(np.dot(hanging.vector, other.vector)) < turned.SAME_PICTURE for other in others)
