"""Networks of TensorFlow Lite give the numbers of its own runtime on ONNX Runtime, in batches of any size."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision import catalog, tflite_graphs
from heirloom.vision.contracts import contracts
from heirloom.vision.graph_files import converted_copy
from heirloom.vision.types import Floats
from tests.vision.npm_files import pulled

ROWS = 4
FEW = 1e-5
"""Of the largest number: both runtimes add up 32-bit floats in orders of their own."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tflite")
    pulled(made, "expo-mobilefacenet", "expo-antispoofing")
    return made


def ours(name: str, folder: Path, pictures: Floats) -> list[Floats]:
    graph = converted_copy(name, folder)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    answers: list[Floats] = session.run(None, {session.get_inputs()[0].name: pictures})
    return answers


def theirs(file: Path, pictures: Floats, rows: int) -> list[Floats]:
    """By TensorFlow Lite itself, so many rows at once as the file was exported for."""
    runtime = Interpreter(str(file), num_threads=1)
    runtime.allocate_tensors()
    [source], results, answers = runtime.get_input_details(), runtime.get_output_details(), []
    for start in range(0, len(pictures), rows):
        runtime.set_tensor(source["index"], pictures[start : start + rows])
        runtime.invoke()
        answers.append([np.array(runtime.get_tensor(each["index"])) for each in results])
    return [np.concatenate(column) for column in zip(*answers, strict=True)]


def noise(side: int) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (ROWS - 2, side, side, 3), np.uint8)


def portraits(side: int, *images: Image) -> NDArray[np.uint8]:
    return np.stack([image.pixels[60 : 60 + side, 140 : 140 + side] for image in images])


def test_a_recogniser_answers_as_its_own_runtime_does(folder: Path, astronaut: Image, hopper: Image) -> None:
    file = catalog.checked("expo-mobilefacenet", folder)
    chips = np.concatenate([noise(112), portraits(112, astronaut, hopper)])
    pictures = contracts()["mobilefacenet-tflite"].feed.tensor(chips)
    [vectors], [expected] = ours("expo-mobilefacenet", folder, pictures), theirs(file, pictures, rows=2)
    assert vectors.shape == (ROWS, 192)
    assert np.abs(vectors - expected).max() < FEW * np.abs(expected).max()
    [alone] = ours("expo-mobilefacenet", folder, pictures[:1])
    assert np.abs(alone - expected[:1]).max() < FEW * np.abs(expected).max()


def test_an_attack_detector_answers_as_its_own_runtime_does(folder: Path, astronaut: Image, hopper: Image) -> None:
    file = catalog.checked("expo-antispoofing", folder)
    pictures = np.concatenate([noise(256), portraits(256, astronaut, hopper)]).astype(np.float32) / 255
    (scores, leaves), (their_scores, their_leaves) = (
        ours("expo-antispoofing", folder, pictures),
        theirs(file, pictures, rows=1),
    )
    assert np.abs(scores - their_scores).max() < FEW * np.abs(their_scores).max()
    assert np.array_equal(leaves, their_leaves)
    assert np.array_equal(leaves.sum(axis=1), np.ones(ROWS))


def test_a_slope_below_zero_becomes_one_operator(folder: Path) -> None:
    model = tflite_graphs.converted(catalog.checked("expo-mobilefacenet", folder).read_bytes())
    operators = {node.op_type for node in model.graph.node}
    assert "PRelu" in operators
    assert not operators & {"Abs", "Sub", "Relu"}


def test_what_is_no_such_file_is_refused() -> None:
    with pytest.raises(ValueError, match="no TensorFlow Lite file"):
        tflite_graphs.converted(b"\x08\x07onnx is something else")
