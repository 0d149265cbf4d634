"""The model changes while the system goes on answering: nobody is lost, nothing is mixed, and there is a way back."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from enrollment.models import FaceTemplate, Person, PersonTemplate
from enrollment.services import consents, duplicates, erasure, reembedding
from enrollment.services.packs import registry
from enrollment.services.reembedding import Made
from heirloom.audit.models import Action, AuditEvent
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from heirloom.jobs.vision import vision
from heirloom.vision.types import PackInfo
from tests.cast import Cast, caller
from tests.enrollment.conftest import CONSENT
from tests.pictures import b64, retaken
from tests.portraits import Portrait

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vision_process")]
OLD, NEW = "dlib-resnet-v1-avg3", "deepface:Dlib"


@pytest.fixture
def new_pack() -> PackInfo:
    return registry().require("deepface:Dlib")


@pytest.fixture
def enroll(hana: APIClient, portraits: dict[str, Portrait]) -> Callable[..., Person]:
    def enrolled(name: str, photos: int = 2) -> Person:
        portrait = portraits[name]
        pictures = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)][:photos]
        body = {"full_name": name, "employee_id": name, "images": [b64(p) for p in pictures], "consent": CONSENT}
        answer = hana.post("/api/v1/register-multiple/", body, format="json")
        assert answer.status_code == 201, answer.content
        return Person.objects.get(employee_id=name)

    return enrolled


def built(pack: PackInfo) -> list[Made]:
    return list(reembedding.build(pack=pack, vision=vision()))


def counted(person: Person, model: str) -> int:
    return FaceTemplate.objects.filter(person=person, model=model).count()


def run(*arguments: str) -> str:
    told = StringIO()
    call_command("reembed", *arguments, stdout=told)
    return told.getvalue()


def test_everybody_gets_templates_beside_the_present_ones(enroll: Callable[..., Person], new_pack: PackInfo) -> None:
    eileen, grace = enroll("astronaut"), enroll("hopper", 1)
    made = built(new_pack)
    assert {one.person_id: one.templates for one in made} == {eileen.id: 2, grace.id: 1}
    assert (counted(eileen, OLD), counted(eileen, NEW)) == (2, 2)
    row = PersonTemplate.objects.get(person=eileen, model=NEW)
    assert row.reference_count == 2
    assert packs.active() == "dlib", "building changes nothing that anybody is answered"


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(enroll: Callable[..., Person], new_pack: PackInfo) -> None:
    enroll("astronaut")
    enroll("hopper", 1)
    first = next(reembedding.build(pack=new_pack, vision=vision()))
    assert reembedding.still_to_do(NEW) == 1
    assert [one.person_id for one in built(new_pack)] != [first.person_id]
    assert built(new_pack) == []


def test_whoever_is_enrolled_meanwhile_is_done_by_the_switch(
    enroll: Callable[..., Person], new_pack: PackInfo, hana: APIClient, portraits: dict[str, Portrait]
) -> None:
    enroll("astronaut")
    built(new_pack)
    grace = enroll("hopper", 1)
    assert counted(grace, NEW) == 0
    assert "deepface:Dlib is the active pack" in run("switch", "deepface:Dlib")
    assert counted(grace, NEW) == 1
    answer = hana.post("/api/v1/recognize/", {"face_image_base64": b64(portraits["hopper"].jpeg)}, format="json")
    assert answer.json()["best_match"]["employee_id"] == "hopper"
    assert answer.json()["model_used"] == NEW


def test_there_is_a_way_back_also_for_those_enrolled_since(
    enroll: Callable[..., Person], hana: APIClient, portraits: dict[str, Portrait]
) -> None:
    enroll("astronaut", 1)
    run("switch", "deepface:Dlib")
    grace = enroll("hopper", 1)
    assert (counted(grace, OLD), counted(grace, NEW)) == (0, 1)
    run("back")
    assert packs.active() == "dlib"
    assert counted(grace, OLD) == 1
    answer = hana.post("/api/v1/recognize/", {"face_image_base64": b64(portraits["hopper"].jpeg)}, format="json")
    assert answer.json()["model_used"] == OLD


def test_without_a_switch_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(CommandError, match="none to go back to"):
        run("back")


def test_who_cannot_be_done_is_told_of_and_holds_up_the_switch(
    enroll: Callable[..., Person], new_pack: PackInfo
) -> None:
    eileen = enroll("astronaut", 1)
    eileen.captures.update(storage_name="")
    (made,) = built(new_pack)
    assert list(made.left.values()) == [("not_found",)]
    with pytest.raises(CommandError, match="people_not_reembedded"):
        run("switch", "deepface:Dlib")
    assert packs.active() == "dlib"
    run("switch", "deepface:Dlib", "--leave-out")
    assert packs.active() == "deepface:Dlib"


def test_nobody_without_consent_gets_a_template(enroll: Callable[..., Person], new_pack: PackInfo, cast: Cast) -> None:
    """Withdrawn while the pictures were being computed: the rows are gone, and none comes back."""
    eileen = enroll("astronaut", 1)
    consent = eileen.consents.get()

    class Withdrawing:
        def analyze(self, *asked: Any) -> Any:
            seen = vision().analyze(*asked)
            consents.withdraw(consent=consent, actor=cast.hana)
            return seen

    made = list(reembedding.build(pack=new_pack, vision=Withdrawing()))  # type: ignore[arg-type]
    assert [one.templates for one in made] == [0]
    assert not FaceTemplate.objects.filter(person=eileen).exists()


def test_nothing_comes_back_of_whoever_is_erased_meanwhile(
    enroll: Callable[..., Person], new_pack: PackInfo, cast: Cast
) -> None:
    eileen = enroll("astronaut", 1)

    class Erasing:
        def analyze(self, *asked: Any) -> Any:
            seen = vision().analyze(*asked)
            erasure.erase(person=eileen, actor=cast.hana)
            return seen

    made = list(reembedding.build(pack=new_pack, vision=Erasing()))  # type: ignore[arg-type]
    assert [one.templates for one in made] == [0]
    assert not FaceTemplate.objects.exists()


def test_an_enrollment_computed_before_the_switch_is_computed_again() -> None:
    before = packs.activation()
    packs.set_active(pack="deepface:Dlib", model=NEW)
    with pytest.raises(Refusal) as refusal:
        duplicates.hold_gallery(before)
    assert (refusal.value.code, refusal.value.status) == ("model_changed", 503)
    duplicates.hold_gallery(packs.activation())


def test_one_piece_of_work_has_one_pack_from_its_first_frame_to_its_last(
    portraits: dict[str, Portrait],
) -> None:
    from heirloom.media.image import read_image
    from heirloom.vision.types import AnalysisRequest

    image, eyes = read_image(portraits["astronaut"].jpeg), vision()
    request = AnalysisRequest(want=frozenset({"template"}))
    models = set()
    for pack in ("deepface:Dlib", "dlib"):
        packs.set_active(pack=pack, model=NEW if pack == "deepface:Dlib" else OLD)
        (seen,) = eyes.analyze([image], request)
        template = seen.faces[0].template
        assert template is not None
        models.add(template.model)
    assert models == {NEW}


def test_both_models_are_compared_in_shadow(enroll: Callable[..., Person], new_pack: PackInfo) -> None:
    enroll("astronaut")
    enroll("hopper")
    built(new_pack)
    told = run("compare", "deepface:Dlib")
    assert "dlib, one picture against one" in told
    assert "deepface:Dlib, one picture against one" in told
    assert "FNMR 0.00%" in told
    assert "0 verifications looked at again" in told
    assert packs.active() == "dlib"


def test_verifications_of_late_are_read_again_by_both(
    enroll: Callable[..., Person], new_pack: PackInfo, cast: Cast, portraits: dict[str, Portrait]
) -> None:
    enroll("astronaut", 3)
    built(new_pack)
    probe = {"employee_id": "astronaut", "image_base64": b64(retaken(portraits["astronaut"], turned=3))}
    assert caller(cast.cleo).post("/api/v1/verifications/", probe, format="json").status_code == 202
    for job in Job.objects.filter(state=JobState.QUEUED):
        jobs.run(job_id=job.id)
    told = run("compare", "deepface:Dlib")
    assert "1 verifications looked at again" in told
    assert "match" in told


def test_the_old_templates_go_when_told_and_never_those_in_use(
    enroll: Callable[..., Person], cast: Cast, new_pack: PackInfo
) -> None:
    eileen = enroll("astronaut", 1)
    built(new_pack)
    run("switch", "deepface:Dlib")
    with pytest.raises(CommandError, match="model_in_use"):
        run("drop", NEW)
    assert "Deleted 1 templates" in run("drop", OLD)
    assert (counted(eileen, OLD), counted(eileen, NEW)) == (0, 1)
    event = AuditEvent.objects.get(action=Action.TEMPLATE_RETIRED)
    assert event.details == {"model": OLD, "templates": 1}


def test_templates_of_people_who_have_no_others_are_not_dropped(
    enroll: Callable[..., Person], new_pack: PackInfo
) -> None:
    eileen = enroll("astronaut", 1)
    eileen.captures.update(storage_name="")
    run("switch", "deepface:Dlib", "--leave-out")
    with pytest.raises(CommandError, match="1 people have no other templates"):
        run("drop", OLD)
    assert "Deleted 1 templates" in run("drop", OLD, "--leave-out")
