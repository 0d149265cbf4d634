"""A recogniser is fed as its makers say, from a description alone, and its answer is held to what it promises."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision import catalog, deepface_home
from heirloom.vision.comparison import compare, mean_template
from heirloom.vision.contracts import contracts
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.features import templates
from heirloom.vision.feed import Feed
from heirloom.vision.packs import deepface, described
from heirloom.vision.packs.onnx import OnnxRecogniser
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, Box, Face, Template
from tests.vision.networks import described as describe
from tests.vision.networks import mixing

PIXEL = np.array([[[[200, 100, 50]]]], np.uint8)
ANY_FACE = Face(Box(0, 0, 112, 112), 1.0, np.zeros((5, 2), np.float32), turn=0)
"""One picture of one pixel: red 200, green 100, blue 50."""


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("arcface", [(200 / 255 - 0.5) / 0.5, (100 / 255 - 0.5) / 0.5, (50 / 255 - 0.5) / 0.5]),
        ("adaface", [(50 / 255 - 0.5) / 0.5, (100 / 255 - 0.5) / 0.5, (200 / 255 - 0.5) / 0.5]),
        ("edgeface", [(200 / 255 - 0.5) / 0.5, (100 / 255 - 0.5) / 0.5, (50 / 255 - 0.5) / 0.5]),
        ("facenet", [(200 - 127.5) / 128, (100 - 127.5) / 128, (50 - 127.5) / 128]),
        ("sface", [200, 100, 50]),
        ("deepface-160", [50 / 255, 100 / 255, 200 / 255]),
    ],
)
def test_a_pixel_becomes_the_numbers_its_makers_published(name: str, numbers: list[float]) -> None:
    tensor = contracts()[name].feed.tensor(PIXEL)
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor.ravel(), numbers, rtol=1e-6)


def test_planes_come_first_unless_the_contract_says_else() -> None:
    pictures = np.zeros((2, 4, 5, 3), np.uint8)
    assert Feed().tensor(pictures).shape == (2, 3, 4, 5)
    assert Feed(layout="nhwc").tensor(pictures).shape == (2, 4, 5, 3)


def test_facenet_sees_160_pixels_and_the_others_112() -> None:
    sides = {name: contract.side for name, contract in contracts().items()}
    assert {name for name, side in sides.items() if side == 160} == {"facenet", "deepface-160"}
    assert set(sides.values()) == {112, 160}


def test_only_adaface_tells_quality_by_its_norm() -> None:
    assert [name for name, contract in contracts().items() if contract.norm_is_quality] == ["adaface"]


@pytest.mark.parametrize(
    ("name", "side", "dimensions"), [("adaface", 112, 512), ("facenet", 160, 512), ("edgeface", 112, 512)]
)
def test_a_described_file_is_a_pack(tmp_path: Path, hopper: Image, name: str, side: int, dimensions: int) -> None:
    mixing(tmp_path / "onnx" / f"{name}.onnx", dimensions, ["n", 3, side, side])
    describe(tmp_path, name, contract=name, dimensions=dimensions)
    engine = VisionEngine(VisionConfig(tmp_path, given_model_defaults="strict"))
    engine.load()
    info = engine.resolve(name)
    assert (info.name, info.dimensions) == (f"onnx:{name}", dimensions)
    template = made(engine, hopper, name)
    assert template.vector.shape == (dimensions,)
    assert np.linalg.norm(template.vector) == pytest.approx(1, abs=1e-5)
    assert (template.norm is not None) == (name == "adaface")


def test_the_norm_is_the_length_of_the_features(tmp_path: Path) -> None:
    recogniser = made_recogniser(tmp_path, "adaface", dimensions=8)
    chip = np.random.default_rng(3).integers(0, 255, (1, 112, 112, 3), np.uint8)
    (template,) = templates(Whole(recogniser, chip), [(Image(chip[0]), ANY_FACE)])
    length = float(np.linalg.norm(recogniser.vectors(chip)))
    assert template.norm == pytest.approx(length, rel=1e-5)


def test_adafaces_norm_is_the_second_output_of_its_network(tmp_path: Path) -> None:
    """Its features have length one already, so their own length would call every face equally good."""
    chips = np.random.default_rng(3).integers(0, 255, (2, 112, 112, 3), np.uint8)
    chips[1] //= 8
    files = [mixing(tmp_path / f"{unit}.onnx", 8, ["n", 3, 112, 112], unit=unit, norm=unit) for unit in (False, True)]
    raw, scaled = (
        OnnxRecogniser(Runtime(), lambda file=file: file, contracts()["adaface"], model="m", dimensions=8)  # type: ignore[misc]
        for file in files
    )
    scaled.load()
    np.testing.assert_allclose(scaled.vectors(chips), raw.vectors(chips), rtol=1e-4, atol=1e-6)
    norms = [templates(Whole(scaled, chip[None]), [(Image(chip), ANY_FACE)])[0].norm for chip in chips]
    assert norms == pytest.approx(np.linalg.norm(raw.vectors(chips), axis=1).tolist(), rel=1e-4)
    assert len({round(norm or 0, 3) for norm in norms}) == 2


def test_an_adaface_file_that_lost_its_norm_is_refused(tmp_path: Path) -> None:
    file = mixing(tmp_path / "lost.onnx", 8, ["n", 3, 112, 112], unit=True)
    lost = OnnxRecogniser(Runtime(), lambda: file, contracts()["adaface"], model="m", dimensions=8)
    with pytest.raises(Refusal, match="quality is lost") as refusal:
        lost.load()
    assert refusal.value.code == "weights_unfit"
    OnnxRecogniser(Runtime(), lambda: file, contracts()["arcface"], model="m", dimensions=8).load()


def test_a_means_norm_is_the_mean_of_norms_where_each_has_one() -> None:
    one, other = (Template("m", np.array(v, np.float32), norm) for v, norm in (([1, 0], 20.0), ([0, 1], 30.0)))
    assert mean_template([one, other]).norm == 25.0
    assert mean_template([one, Template("m", other.vector)]).norm is None


def test_any_part_of_a_contract_may_be_given_beside_it(tmp_path: Path) -> None:
    mixing(tmp_path / "onnx" / "mine.onnx", 16, [1, 112, 112, 3])
    describe(tmp_path, "mine", contract="arcface", dimensions=16, color="bgr", layout="nhwc", mean=[1, 2, 3], std=64)
    (file,) = described.recognisers(tmp_path)
    assert file.contract.feed == Feed("bgr", "nhwc", (1.0, 2.0, 3.0), (64.0, 64.0, 64.0))
    assert file.contract.align == "arcface"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ({"contract": "nonsense", "dimensions": 4}, "nonsense"),
        ({"contract": "arcface"}, "dimensions"),
        ({"dimensions": 4, "colour": "rgb"}, "colour"),
        ({"dimensions": 4, "color": "cmyk"}, "color"),
        ({"dimensions": 4, "std": 0}, "std"),
        ({"dimensions": 4, "detector": "nonsense"}, "no detector nonsense"),
        ({"kind": "detector", "head": "nonsense"}, "nonsense"),
        ({"kind": "detector", "head": "scrfd", "dimensions": 4}, "dimensions"),
    ],
)
def test_a_description_that_cannot_be_is_told_by_its_name(tmp_path: Path, lines: dict[str, Any], says: str) -> None:
    mixing(tmp_path / "onnx" / "mine.onnx", 4, [1, 3, 8, 8])
    describe(tmp_path, "mine", **lines)
    with pytest.raises(ValueError, match=rf"mine\.toml: .*{says}"):
        Registry(tmp_path, Runtime(), "dlib").infos()


def test_a_file_that_answers_other_numbers_than_described_is_refused(tmp_path: Path) -> None:
    recogniser = made_recogniser(tmp_path, "arcface", dimensions=8, described_as=16)
    with pytest.raises(Refusal, match="described are 16") as refusal:
        recogniser.load()
    assert refusal.value.code == "weights_unfit"


def test_a_batch_gives_what_each_chip_gives_alone(tmp_path: Path) -> None:
    chips = np.random.default_rng(4).integers(0, 255, (5, 112, 112, 3), np.uint8)
    free = made_recogniser(tmp_path, "arcface", dimensions=8, batch="n")
    fixed = made_recogniser(tmp_path, "arcface", dimensions=8, batch=1)
    np.testing.assert_allclose(free.vectors(chips), fixed.vectors(chips), rtol=1e-5)


def test_sface_is_fed_as_opencv_feeds_it(assets: Path, hopper: Image) -> None:
    """`cv2.FaceRecognizerSF` opens any network: what it makes of a chip is the reference."""
    file = assets / "models" / "MobileFaceNet.onnx"
    chip = np.asarray(cv2.resize(hopper.pixels, (112, 112)), np.uint8)
    theirs = cv2.FaceRecognizerSF.create(str(file), "").feature(np.ascontiguousarray(chip[:, :, ::-1]))
    ours = OnnxRecogniser(Runtime(), lambda: file, contracts()["sface"], model="m", dimensions=128)
    np.testing.assert_allclose(ours.vectors(chip[None]), theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["Facenet", "Facenet512", "ArcFace", "SFace", "GhostFaceNet"])
def test_deepfaces_files_give_what_deepface_makes_of_them(tmp_path: Path, hopper: Image, name: str) -> None:
    """DeepFace's own client on its ONNX backend is the reference, on a file in the place of the published one."""
    found = deepface.recognition(f"deepface:{name}")
    contract = contracts()[found.contract]
    side = contract.side
    shape = ["n", side, side, 3] if contract.feed.layout == "nhwc" else [1, 3, side, side]
    home = deepface_home.home_in(tmp_path) / deepface_home.WEIGHTS
    file = Path(catalog.entry(found.weights).path).name
    mixing(home / file, found.dimensions, shape)
    chip = np.asarray(cv2.resize(hopper.pixels, (side, side)), np.uint8)
    with deepface_home.prepare((), tmp_path, "cpu"):
        modeling = deepface_home.part("deepface.modules.modeling")
        client = modeling.get_model_class("facial_recognition", name)()
    theirs = client.forward(chip[None, :, :, ::-1].astype(np.float32) / 255)
    ours = OnnxRecogniser(
        Runtime(), lambda: home / file, contract, model=found.name, dimensions=found.dimensions
    ).vectors(chip[None])
    np.testing.assert_allclose(ours.ravel(), np.ravel(theirs), rtol=2e-3, atol=1e-4)


def test_the_real_mobilefacenet_knows_a_face_again(furnished: VisionEngine, hopper: Image, astronaut: Image) -> None:
    hopper_small = Image(np.asarray(cv2.resize(hopper.pixels, None, fx=0.8, fy=0.8), np.uint8))
    first, again, other = (made(furnished, image, "mobilefacenet") for image in (hopper, hopper_small, astronaut))
    assert compare(first, again) > 0.9
    assert compare(first, other) < 0.3


class Whole:
    """A recogniser that takes one given chip for the face, whatever the picture."""

    def __init__(self, inner: OnnxRecogniser, chip: np.ndarray[Any, Any]) -> None:
        self.inner, self.chip = inner, chip
        self.model, self.dimensions, self.norm_is_quality = inner.model, inner.dimensions, inner.norm_is_quality

    def load(self) -> None: ...

    def disagreement(self, image: Image, face: Face) -> None:
        return None

    def chips(self, image: Image, face: Face) -> np.ndarray[Any, Any]:
        return self.chip

    def vectors(self, chips: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return self.inner.vectors(chips)


def made(engine: VisionEngine, image: Image, pack: str) -> Template:
    request = AnalysisRequest(pack=pack, want=frozenset({"template"}), main_face_only=True)
    [frame] = engine.analyze([image], request)
    template = frame.faces[0].template
    assert template is not None
    return template


def made_recogniser(
    folder: Path, contract: str, *, dimensions: int, described_as: int = 0, batch: int | str = "n"
) -> OnnxRecogniser:
    file = mixing(folder / f"{contract}-{batch}.onnx", dimensions, [batch, 3, 112, 112])
    spec = contracts()[contract]
    return OnnxRecogniser(Runtime(), lambda: file, spec, model="m", dimensions=described_as or dimensions)
