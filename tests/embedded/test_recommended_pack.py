"""A new machine takes the best pack that may be used; one where somebody chose, or is enrolled, never does."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from enrollment.models import Person, PersonTemplate
from enrollment.services.packs import registry
from heirloom.decision.policy_files import dump, file_name
from heirloom.embedded.management.commands import prepare
from heirloom.jobs import packs
from tests.decision import made
from tests.vision.networks import described, mixing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recommended(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small recogniser stands for the best pack: whole, and with a policy that was measured within groups."""
    settings.MODELS_DIR, settings.POLICY_DIR = tmp_path, tmp_path / "policies"
    mixing(tmp_path / "onnx" / "mine.onnx", 128, ["n", 3, 112, 112])
    described(tmp_path, "mine", dimensions=128)
    measured(registry().require("onnx:mine").model, tmp_path / "policies")
    monkeypatch.delenv("VISION_PACK", raising=False)


def measured(model: str, folder: Path, held: float = 0.01) -> None:
    """Keep a policy of this model whose cost, held to its worst group, is this FNMR."""
    folder.mkdir(exist_ok=True)
    (folder / file_name(model)).write_text(dump(made.costing(model, held)))


def test_a_new_machine_switches() -> None:
    assert prepare._switched() == "onnx:mine is used from now on"
    assert packs.active() == "onnx:mine"


def test_a_pack_that_was_named_in_the_settings_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_PACK", "dlib")
    assert prepare._switched() == "dlib is used (another was chosen)"


def test_a_pack_that_was_activated_stays() -> None:
    packs.set_active(pack="deepface:Dlib", model="deepface:Dlib")
    assert prepare._switched() == "deepface:Dlib is used (another was chosen)"


def test_people_who_are_enrolled_keep_their_pack() -> None:
    row = {"dimensions": 128, "reference_count": 1, "vector_sealed": b"", "vector": [1.0] * 128, "protection": "x"}
    PersonTemplate.objects.create(person=Person.objects.create(full_name="X"), model="dlib-resnet-v1-avg3", **row)
    assert "people are enrolled already" in prepare._switched()
    assert packs.active() == "dlib"


def test_a_pack_that_cannot_be_used_is_told_and_left_alone(settings: LazySettings) -> None:
    (settings.MODELS_DIR / "onnx" / "mine.onnx").write_bytes(b"broken")
    assert prepare._switched().startswith("dlib is used (")
    assert packs.active() == "dlib"
