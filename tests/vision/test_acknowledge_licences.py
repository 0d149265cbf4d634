"""Weights whose terms do not clearly allow commercial use are used only where the operator has named them."""

import hashlib
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.vision import catalog
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs.offers import weights_of

PACK = "onnx:someface"


@pytest.fixture
def with_a_research_model(tmp_path: Path) -> Path:
    """A models folder with a described recogniser; nothing here loads it."""
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "someface.onnx").write_bytes(b"weights")
    (tmp_path / "onnx" / "someface.toml").write_text(
        f'file = "someface.onnx"\nsha256 = "{hashlib.sha256(b"weights").hexdigest()}"\ndimensions = 128\n'
        'licence = "for research"\ncommercial_use = false\n'
    )
    return tmp_path


@pytest.fixture
def with_a_research_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder in which a file stands for DeepFace's Facenet."""
    path = catalog.entry("deepface-facenet").location(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    catalog.record("deepface-facenet", hashlib.sha256(b"weights").hexdigest(), tmp_path)
    return tmp_path


def resolved(folder: Path, pack: str, *acknowledged: str) -> str:
    engine = VisionEngine(VisionConfig(folder, given_model_defaults="strict", acknowledged=acknowledged))
    return engine.resolve(pack).name


@pytest.mark.parametrize("acknowledged", [(), ("mobilefacenet",), ("deepface:Facenet",)])
def test_a_research_model_is_refused_with_the_reason(
    with_a_research_model: Path, acknowledged: tuple[str, ...]
) -> None:
    with pytest.raises(
        Refusal, match=r"for research.*not clearly allow commercial use.*NONCOMMERCIAL_MODELS_"
    ) as refusal:
        resolved(with_a_research_model, PACK, *acknowledged)
    assert refusal.value.code == "model_not_available"


def test_a_research_model_is_used_where_it_is_named(with_a_research_model: Path) -> None:
    assert resolved(with_a_research_model, PACK, "other", PACK) == PACK


def test_it_is_installed_but_not_offered(with_a_research_model: Path) -> None:
    engine = VisionEngine(VisionConfig(with_a_research_model))
    info = next(each for each in engine.status().packs if each.name == PACK)
    assert (info.installed, info.acknowledged) == (True, False)
    with pytest.raises(Refusal) as refusal:
        engine.resolve("nonsense")
    assert PACK not in refusal.value.detail


def test_a_model_not_acknowledged_cannot_be_the_active_one(with_a_research_model: Path) -> None:
    with pytest.raises(Refusal, match="not clearly allow commercial use"):
        VisionEngine(VisionConfig(with_a_research_model, pack=PACK)).load()


@pytest.mark.parametrize("name", ["facenet", "deepface:Facenet", "deepface-facenet"])
def test_pack_recogniser_or_file_may_be_named(with_a_research_file: Path, name: str) -> None:
    with pytest.raises(Refusal, match="not clearly allow commercial use"):
        resolved(with_a_research_file, "facenet")
    assert resolved(with_a_research_file, "facenet", name) == "deepface:Facenet"


def test_the_built_in_pack_needs_no_acknowledgement_and_tells_its_doubt(tmp_path: Path) -> None:
    engine = VisionEngine(VisionConfig(tmp_path))
    info = engine.resolve("dlib")
    assert info.acknowledged
    assert "iBUG 300-W" in info.licence
    landmarks = catalog.entry("dlib-landmarks-68")
    assert not landmarks.commercial_use
    assert landmarks.note


def test_every_pack_of_the_catalog_names_files_of_the_catalog(tmp_path: Path) -> None:
    for info in VisionEngine(VisionConfig(tmp_path)).status().packs:
        assert weights_of(info.name, tmp_path)
        assert set(weights_of(info.name, tmp_path)) <= set(catalog.entries())


def test_a_detector_of_unclear_origin_is_used_only_where_it_is_named(tmp_path: Path) -> None:
    path = catalog.entry("retinaface").location(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    catalog.record("retinaface", hashlib.sha256(b"weights").hexdigest(), tmp_path)
    assert "retinaface" not in VisionEngine(VisionConfig(tmp_path)).status().detectors
    assert "retinaface" in VisionEngine(VisionConfig(tmp_path, acknowledged=("retinaface",))).status().detectors
