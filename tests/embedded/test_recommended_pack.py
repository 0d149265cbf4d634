"""A new machine takes the recommended pack by itself; one where somebody chose, or is enrolled, never does."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import LazySettings

from enrollment.models import Person, PersonTemplate
from heirloom.embedded import weights
from heirloom.embedded.management.commands import prepare
from heirloom.jobs import packs
from tests.vision.networks import described, mixing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recommended(tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small recogniser stands for the recommended pack, whole and measured."""
    settings.MODELS_DIR = tmp_path
    mixing(tmp_path / "onnx" / "mine.onnx", 128, ["n", 3, 112, 112])
    described(tmp_path, "mine", dimensions=128)
    monkeypatch.setattr(prepare, "opencv_zoo", SimpleNamespace(NAME="onnx:mine"))
    monkeypatch.setattr(weights, "why_not_recommended", lambda *_: "")
    monkeypatch.delenv("VISION_PACK", raising=False)


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
    assert prepare._switched() == "dlib is used (mine has another sha256 than the one it is held to.)"
    assert packs.active() == "dlib"
