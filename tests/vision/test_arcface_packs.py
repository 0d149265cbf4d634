"""Packs of published networks: each face with its mirror image, one network or two side by side, on quicker copies."""

from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from heirloom.media.types import Image
from heirloom.vision import catalog
from heirloom.vision.comparison import compare
from heirloom.vision.contracts import contracts
from heirloom.vision.detection import Pixels
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.features import templates, unit_rows
from heirloom.vision.graph_files import rows_freed
from heirloom.vision.graph_speed import TINY, quicker
from heirloom.vision.packs.arcface import COMPOSITIONS, UNKNOWN_HASH, Mirrored, composition
from heirloom.vision.packs.onnx import OnnxRecogniser
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import AnalysisRequest, Box, Face, Floats, Template
from tests.vision.networks import mixing
from tests.vision.npm_files import pulled

PACKS = ("mobilefacenet-192", "faceplugin", "fused")
FACE = Face(
    Box(170, 65, 96, 96), 1.0, np.array([(197, 105), (234, 105), (216, 128), (202, 146), (232, 146)], "f4"), turn=0
)
WANTED = frozenset({"template"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("npm")
    pulled(made, "expo-mobilefacenet", "faceplugin-feature")
    return made


@pytest.fixture
def parts(tmp_path: Path) -> tuple[OnnxRecogniser, OnnxRecogniser]:
    """Two small networks of the tests' own, which answer unlike numbers of features."""
    runtime, made = Runtime(), []
    for seed, dimensions in enumerate((16, 48)):
        file = mixing(tmp_path / f"{seed}.onnx", dimensions, ["n", 3, 112, 112], seed=seed)
        one = OnnxRecogniser(
            runtime, partial(Path, file), contracts()["arcface"], model=file.stem, dimensions=dimensions
        )
        made.append(one)
    return made[0], made[1]


def mirrored(image: Image, face: Face) -> tuple[Image, Face]:
    points = face.points5[[1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32) + np.array([image.width - 1, 0], np.float32)
    box = Box(image.width - face.box.x - face.box.width, face.box.y, face.box.width, face.box.height)
    return Image(np.ascontiguousarray(image.pixels[:, ::-1])), Face(box, 1.0, points.astype(np.float32), turn=0)


def run(model: onnx.ModelProto, planes: Floats) -> Floats:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answer: Floats = session.run(None, {session.get_inputs()[0].name: planes})[0]
    return answer


def noise(rows: int) -> Pixels:
    return np.random.default_rng(3).integers(0, 256, (rows, 112, 112, 3), np.uint8)


def test_a_face_and_its_mirror_image_have_one_template(
    parts: tuple[OnnxRecogniser, OnnxRecogniser], astronaut: Image
) -> None:
    recogniser = Mirrored(parts, "m")
    one, other = templates(recogniser, [(astronaut, FACE), mirrored(astronaut, FACE)])
    assert compare(one, other) > 0.999
    alone, turned = templates(parts[0], [(astronaut, FACE), mirrored(astronaut, FACE)])
    assert compare(alone, turned) < compare(one, other)


def test_networks_side_by_side_are_weighted_alike(parts: tuple[OnnxRecogniser, OnnxRecogniser]) -> None:
    chips = noise(4)
    side_by_side = Mirrored(parts, "m").vectors(chips)
    assert side_by_side.shape == (4, 64)
    assert np.allclose(np.linalg.norm(side_by_side, axis=1), 1, atol=1e-6)
    each = [unit_rows(part.vectors(chips)) for part in parts]
    assert np.allclose(side_by_side @ side_by_side.T, (each[0] @ each[0].T + each[1] @ each[1].T) / 2, atol=1e-5)


def test_the_name_of_templates_tells_the_exact_files(tmp_path: Path) -> None:
    names = {made.name: made.model(tmp_path) for made in COMPOSITIONS}
    assert names["fused"] == "fused-d8ba40c0-87aacdfe-avg2"
    assert names["auraface"] == f"auraface-{UNKNOWN_HASH}-avg2"
    catalog.record("auraface", "12345678" * 8, tmp_path)
    made = composition("auraface")
    assert made
    assert made.model(tmp_path) == "auraface-12345678-avg2"


@pytest.mark.parametrize("pack", PACKS)
def test_terms_in_doubt_must_be_acknowledged(folder: Path, pack: str) -> None:
    engine = VisionEngine(VisionConfig(folder))
    info = next(each for each in engine.status().packs if each.name == pack)
    assert (info.installed, info.acknowledged) == (True, False)
    assert VisionEngine(VisionConfig(folder, acknowledged=(pack,))).resolve(pack).acknowledged


@pytest.mark.parametrize("pack", PACKS)
def test_real_networks_know_a_face_again_with_dlibs_points(
    folder: Path, astronaut: Image, hopper: Image, pack: str
) -> None:
    engine = VisionEngine(VisionConfig(folder, pack=pack, acknowledged=(pack,)))
    engine.load()
    darker = Image((astronaut.pixels * 0.7).astype(np.uint8))
    seen = engine.analyze([astronaut, darker, hopper], AnalysisRequest(want=WANTED))
    engine.close()
    eileen, again, grace = (_template(analysis.faces[0].template) for analysis in seen)
    assert eileen.model == engine.resolve(pack).model
    assert len(eileen.vector) == engine.resolve(pack).dimensions
    assert compare(eileen, again) > 0.8
    assert compare(eileen, grace) < 0.3


def test_the_quicker_copy_answers_as_the_file_does_in_batches_of_any_size(folder: Path) -> None:
    file = catalog.checked("faceplugin-feature", folder)
    planes = contracts()["faceplugin"].feed.tensor(noise(3))
    copy = quicker(rows_freed(onnx.load(file)))
    ours, theirs = run(copy, planes), np.concatenate([run(onnx.load(file), row[None]) for row in planes])
    assert (unit_rows(ours) * unit_rows(theirs)).sum(axis=1).min() > 0.999999
    weights = [numpy_helper.to_array(each) for each in copy.graph.initializer]
    assert all((np.abs(each[each != 0]) >= TINY).all() for each in weights if each.dtype == np.float32)
    assert "PRelu" not in {node.op_type for node in copy.graph.node}


def _template(found: Template | None) -> Template:
    assert found is not None
    return found
