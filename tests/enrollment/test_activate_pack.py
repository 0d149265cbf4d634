"""A pack becomes the active one only where it runs, may be used, and loses nobody who is enrolled."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.services.packs import activate, registry
from heirloom.audit.models import Action, AuditEvent
from heirloom.embedded.active_pack import active_pack
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.vision.packs import described
from tests.vision.networks import described as describe
from tests.vision.networks import mixing

pytestmark = pytest.mark.django_db
PACK = "onnx:mine"


@pytest.fixture
def models(tmp_path: Path, settings: LazySettings) -> Path:
    """A models folder with one recogniser of 128 numbers, free to use."""
    settings.MODELS_DIR = tmp_path
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = []
    mixing(tmp_path / "onnx" / "mine.onnx", 128, ["n", 3, 112, 112])
    describe(tmp_path, "mine", dimensions=128)
    return tmp_path


def model_of(models: Path) -> str:
    (file,) = described.recognisers(models)
    return file.model


def enroll(name: str, *template_models: str) -> Person:
    person = Person.objects.create(full_name=name)
    for model in template_models:
        vector = HalfVector([1.0] + [0.0] * 127)
        row = {"dimensions": 128, "reference_count": 1, "vector_sealed": b"", "vector": vector, "protection": "x"}
        PersonTemplate.objects.create(person=person, model=model, **row)
    return person


def refused(pack: str = PACK) -> Refusal:
    before = packs.active()
    with pytest.raises(Refusal) as refusal:
        activate(pack=pack, registry=registry())
    assert packs.active() == before
    return refusal.value


def test_the_configured_pack_is_active_until_another_is_activated(models: Path, settings: LazySettings) -> None:
    settings.VISION_PACK = "deepface:Dlib"
    assert packs.active() == "deepface:Dlib"
    activate(pack=PACK, registry=registry())
    assert packs.active() == PACK


def test_an_activation_is_recorded_with_the_pack_before(models: Path) -> None:
    made = activate(pack="mine", registry=registry())
    assert (made.pack, made.model, made.previous) == (PACK, model_of(models), "dlib")
    event = AuditEvent.objects.get(action=Action.PACK_ACTIVATED)
    assert event.details == {"pack": PACK, "model": model_of(models), "previous": "dlib"}
    assert event.subject_id.int == made.pk


def test_the_pack_before_can_come_back(models: Path) -> None:
    made = activate(pack=PACK, registry=registry())
    activate(pack=made.previous, registry=registry())
    assert packs.active() == "dlib"


def test_people_without_its_templates_stand_in_the_way(models: Path) -> None:
    enroll("With both", "dlib-resnet-v1-avg3", model_of(models))
    enroll("With the old alone", "dlib-resnet-v1-avg3")
    refusal = refused()
    assert refusal.code == "people_not_reembedded"
    assert refusal.detail.startswith("1 people")


def test_people_with_its_templates_do_not(models: Path) -> None:
    enroll("With both", "dlib-resnet-v1-avg3", model_of(models))
    enroll("Not enrolled yet")
    activate(pack=PACK, registry=registry())


def test_a_missing_file_is_refused(models: Path) -> None:
    (models / "onnx" / "mine.onnx").unlink()
    assert refused().code == "weights_missing"


def test_a_missing_file_of_the_catalog_is_refused(models: Path) -> None:
    refusal = refused("opencv-zoo")
    assert (refusal.code, refusal.detail) == ("weights_missing", "yunet is not here.")


def test_a_changed_file_is_refused(models: Path) -> None:
    mixing(models / "onnx" / "mine.onnx", 128, ["n", 3, 112, 112], seed=2)
    assert refused().code == "weights_altered"


def test_a_file_that_answers_otherwise_than_described_is_refused(models: Path) -> None:
    describe(models, "mine", dimensions=512)
    assert refused().code == "weights_unfit"


def test_terms_without_commercial_use_must_be_acknowledged_first(models: Path, settings: LazySettings) -> None:
    describe(models, "mine", dimensions=128, commercial_use=False)
    refusal = refused()
    assert refusal.code == "licence_not_acknowledged"
    assert "NONCOMMERCIAL_MODELS_ACKNOWLEDGED" in refusal.detail
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = ["mine"]
    activate(pack=PACK, registry=registry())


def test_a_detectors_terms_count_too(models: Path, settings: LazySettings) -> None:
    mixing(models / "onnx" / "seer.onnx", 4, [1, 3, 640, 640])
    describe(models, "seer", kind="detector", head="scrfd", commercial_use=False)
    describe(models, "mine", dimensions=128, detector="seer")
    assert refused().code == "licence_not_acknowledged"
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = ["seer"]
    assert refused().code == "weights_unfit"


def test_a_name_of_nothing_is_refused(models: Path) -> None:
    assert refused("nonsense").code == "model_not_available"


def test_the_command_says_what_was_before_and_that_no_policy_is_measured(models: Path) -> None:
    said = command("activate", PACK)
    assert f"{PACK} is the active pack from now on; before it was dlib." in said
    assert "manage.py calibrate" in said
    assert "active" in next(line for line in command("list").splitlines() if line.startswith(PACK))


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        ({"sha256": "0" * 64}, r"another sha256 .* models verify names it\. \(weights_altered\)"),
        ({"commercial_use": False}, r"not clearly allow commercial use.* \(licence_not_acknowledged\)"),
        ({"file": "else.onnx"}, r"is not here\. .* models pull.* \(weights_missing\)"),
        (
            {"dimensions": 3},
            r"answers \(128,\) numbers.*described are 3\. .*description.* \(weights_unfit\)",
        ),
        ({"colour": "rgb"}, r"mine\.toml: .*colour"),
    ],
)
def test_the_command_refuses_with_the_remedy(models: Path, break_it: dict[str, Any], says: str) -> None:
    describe(models, "mine", **{"dimensions": 128, **break_it})
    with pytest.raises(CommandError, match=says):
        command("activate", PACK)


@pytest.mark.django_db(transaction=True)
def test_a_vision_process_starts_with_the_active_pack(models: Path) -> None:
    assert active_pack() == "dlib"
    activate(pack=PACK, registry=registry())
    assert active_pack() == PACK


def command(*arguments: str) -> str:
    said = StringIO()
    call_command("models", *arguments, stdout=said)
    return said.getvalue()
