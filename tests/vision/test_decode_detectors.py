"""Detector heads: what is encoded by the published formulas comes back as it was, through the real runtime."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from heirloom.errors import Refusal
from heirloom.media.types import Image
from heirloom.vision.detection import Search
from heirloom.vision.packs.heads import HEADS, HeadMismatchError, retinaface, scrfd, yolo
from heirloom.vision.packs.onnx import OnnxDetector
from heirloom.vision.packs.rows import canvas_size, on_canvas
from heirloom.vision.packs.yunet import candidates, yunet_graph
from heirloom.vision.runtime import Runtime
from heirloom.vision.types import Face
from tests.vision.networks import Arrays, answering

SIDE = 640
BOXES = np.array([(60.5, 80.25, 96.0, 120.0), (300.0, 210.5, 40.0, 52.0)])
"""x, y, width and height of two faces in a picture of 800 by 600."""
WIDTH, HEIGHT = 800, 600

Doubles = NDArray[np.float64]
Encode = Callable[[Doubles, Doubles, Doubles], Arrays]


def points_in(boxes: Doubles) -> Doubles:
    """(n, 5, 2): eyes, nose tip and mouth corners somewhere plausible in each box."""
    places = np.array([(0.3, 0.4), (0.7, 0.41), (0.5, 0.6), (0.35, 0.8), (0.66, 0.79)])
    return boxes[:, None, :2] + places * boxes[:, None, 2:]


def as_yunet(boxes: Doubles, points: Doubles, scores: Doubles) -> Arrays:
    """One prior in each cell; offsets from the cell's index, sizes as logarithms, all in strides."""
    outputs = {
        f"{kind}_{stride}": np.zeros((1, (SIDE // stride) ** 2, channels), np.float32)
        for kind, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    }
    for box, spots, score in zip(boxes, points, scores, strict=True):
        middle, stride = box[:2] + box[2:] / 2, 16
        column, row = (int(side) for side in middle // stride)
        place = row * (SIDE // stride) + column
        outputs["cls_16"][0, place] = outputs["obj_16"][0, place] = score
        outputs["bbox_16"][0, place] = [*(middle / stride - (column, row)), *np.log(box[2:] / stride)]
        outputs["kps_16"][0, place] = (spots / stride - (column, row)).ravel()
    return outputs


def as_scrfd(boxes: Doubles, points: Doubles, scores: Doubles, *, batched: bool = True) -> Arrays:
    """Two anchors in each cell; distances from the cell's corner to left, top, right and bottom, in strides."""
    outputs = {
        f"{kind}_{stride}": np.zeros((1, 2 * (SIDE // stride) ** 2, channels), np.float32)
        for kind, channels in (("score", 1), ("bbox", 4), ("kps", 10))
        for stride in (8, 16, 32)
    }
    for n, (box, spots, score) in enumerate(zip(boxes, points, scores, strict=True)):
        stride = (8, 32)[n % 2]
        column, row = (int(side) for side in (box[:2] + box[2:] / 2) // stride)
        place = 2 * (row * (SIDE // stride) + column) + n % 2
        corner = np.array([column, row]) * stride
        outputs[f"score_{stride}"][0, place] = score
        outputs[f"bbox_{stride}"][0, place] = np.concatenate([corner - box[:2], box[:2] + box[2:] - corner]) / stride
        outputs[f"kps_{stride}"][0, place] = ((spots - corner) / stride).ravel()
    return outputs if batched else {name: value[0] for name, value in outputs.items()}


def as_yolo(boxes: Doubles, points: Doubles, scores: Doubles) -> Arrays:
    """A column for each cell: middle, size, score, and x, y and visibility of each point, in pixels."""
    columns = np.zeros((1, 20, sum((SIDE // stride) ** 2 for stride in (8, 16, 32))), np.float32)
    for n, (box, spots, score) in enumerate(zip(boxes, points, scores, strict=True)):
        seen = np.column_stack([spots, np.ones(5)])
        columns[0, :, 700 + n] = [*(box[:2] + box[2:] / 2), *box[2:], score, *seen.ravel()]
    return {"output0": columns}


def as_retinaface(boxes: Doubles, points: Doubles, scores: Doubles) -> Arrays:
    """Two anchors in each cell, here the one of 64 px; both edge pixels count to a side."""
    outputs = {
        f"{kind}_{stride}": np.zeros((1, SIDE // stride, SIDE // stride, channels), np.float32)
        for stride in (32, 16, 8)
        for kind, channels in (("prob", 4), ("bbox", 8), ("points", 20))
    }
    for box, spots, score in zip(boxes, points, scores, strict=True):
        middle = box[:2] + box[2:] / 2
        column, row = (int(side) for side in middle // 16)
        anchor = np.array([column, row]) * 16 + 7.5
        outputs["prob_16"][0, row, column, 3] = score
        outputs["bbox_16"][0, row, column, 4:] = [*((middle - anchor) / 64), *np.log((box[2:] + 1) / 64)]
        outputs["points_16"][0, row, column, 10:] = ((spots - anchor) / 64).ravel()
    return outputs


def as_centerface(boxes: Doubles, points: Doubles, scores: Doubles) -> Arrays:
    """Maps at a quarter of the size; y stands before x, points relative to the box."""
    outputs = {
        name: np.zeros((1, channels, SIDE // 4, SIDE // 4), np.float32)
        for name, channels in (("537", 1), ("538", 2), ("539", 2), ("540", 10))
    }
    for box, spots, score in zip(boxes, points, scores, strict=True):
        middle = box[:2] + box[2:] / 2
        column, row = (int(side) for side in middle // 4)
        outputs["537"][0, 0, row, column] = score
        outputs["538"][0, :, row, column] = np.log(box[:1:-1] / 4)
        outputs["539"][0, :, row, column] = (middle / 4 - (column, row) - 0.5)[::-1]
        outputs["540"][0, :, row, column] = ((spots - box[:2]) / box[2:])[:, ::-1].ravel()
    return outputs


ENCODERS: dict[str, Encode] = {
    "yunet": as_yunet,
    "scrfd": as_scrfd,
    "yolo": as_yolo,
    "retinaface": as_retinaface,
    "centerface": as_centerface,
}


def in_input(values: Doubles, head: str) -> Doubles:
    """Where points of the picture lie in the network's input: scaled to its width, and in its middle for YOLO.

    Positions are of pixel centres: what lies at 0 in the picture lies half a larger pixel further in a smaller copy.
    """
    factor = SIDE / WIDTH
    down = (SIDE - HEIGHT * factor) / 2 if HEADS[head].centred else 0
    return (values + 0.5) * factor - 0.5 + np.array([0.0, down])


def found(tmp_path: Path, head: str, outputs: Arrays, search: Search | None = None) -> tuple[Face, ...]:
    path = answering(tmp_path / f"{head}.onnx", outputs, SIDE, channels_last=HEADS[head].feed.layout == "nhwc")
    detector = OnnxDetector(head, Runtime(), lambda: path, HEADS[head])
    detector.load()
    return detector.detect(Image(np.zeros((HEIGHT, WIDTH, 3), np.uint8)), search or Search())


@pytest.mark.parametrize("head", ENCODERS)
def test_an_encoded_face_comes_back_where_it_was(tmp_path: Path, head: str) -> None:
    boxes = np.hstack([in_input(BOXES[:, :2], head), BOXES[:, 2:] * SIDE / WIDTH])
    points = in_input(points_in(BOXES).reshape(-1, 2), head).reshape(-1, 5, 2)
    faces = found(tmp_path, head, ENCODERS[head](boxes, points, np.array([0.9, 0.8])))
    assert [round(face.confidence, 4) for face in faces] == [0.9, 0.8]
    for face, box, spots in zip(faces, BOXES, points_in(BOXES), strict=True):
        box_found = (face.box.x, face.box.y, face.box.width, face.box.height)
        np.testing.assert_allclose(box_found, box, atol=0.01)
        np.testing.assert_allclose(face.points5, spots, atol=0.01)


@pytest.mark.parametrize("head", ENCODERS)
def test_doubles_fall_and_so_does_what_scores_too_little(tmp_path: Path, head: str) -> None:
    boxes = np.array([(100.0, 96.0, 80.0, 96.0), (132.0, 112.0, 80.0, 96.0), (400.0, 300.0, 60.0, 60.0)])
    outputs = ENCODERS[head](boxes, points_in(boxes), np.array([0.7, 0.9, 0.3]))
    faces = found(tmp_path, head, outputs, Search(min_confidence=0.5, iou_threshold=0.3))
    assert [round(face.confidence, 4) for face in faces] == [0.9]
    assert len(found(tmp_path / "all", head, outputs, Search(min_confidence=0.2, iou_threshold=0.99))) == 3


def test_scrfd_exported_for_one_picture_leaves_the_batch_out() -> None:
    boxes, scores = BOXES * 0.8, np.array([0.9, 0.8])
    (batched,) = scrfd(as_scrfd(boxes, points_in(boxes), scores), (SIDE, SIDE), 0.5)
    (alone,) = scrfd(as_scrfd(boxes, points_in(boxes), scores, batched=False), (SIDE, SIDE), 0.5)
    np.testing.assert_array_equal(batched, alone)
    np.testing.assert_allclose(sorted(batched[:, 0]), sorted(boxes[:, 0]), atol=1e-4)


@pytest.mark.parametrize("head", ["yunet", "scrfd", "yolo", "retinaface", "centerface"])
def test_the_pictures_of_a_batch_keep_their_own_faces(head: str) -> None:
    each = [ENCODERS[head](box[None], points_in(box[None]), np.array([0.9])) for box in BOXES * 0.8]
    together = {name: np.concatenate([outputs[name] for outputs in each]) for name in each[0]}
    rows = HEADS[head].decode(together, (SIDE, SIDE), 0.5)
    np.testing.assert_allclose([row[0, :4] for row in rows], BOXES * 0.8, atol=1e-3)


def test_outputs_of_another_kind_are_refused(tmp_path: Path) -> None:
    boxes = BOXES * 0.8
    with pytest.raises(HeadMismatchError):
        yolo(as_scrfd(boxes, points_in(boxes), np.ones(2)), (SIDE, SIDE), 0.5)
    with pytest.raises(Refusal) as refusal:
        found(tmp_path, "scrfd", as_yolo(boxes, points_in(boxes), np.ones(2)))
    assert refusal.value.code == "weights_unfit"


def test_the_canvas_is_filled_as_each_head_was_trained() -> None:
    pixels = np.full((48, 100, 3), 200, np.uint8)
    canvas, corner = on_canvas(pixels, HEADS["yolo"], (128, 128))
    assert (canvas.shape, corner.tolist()) == ((128, 128, 3), [14, 40])
    assert (canvas[40:88, 14:114] == 200).all()
    assert (canvas[:40] == 114).all()
    assert canvas_size(pixels, 32, few=True) == (160, 160)
    canvas, corner = on_canvas(pixels, HEADS["scrfd"], canvas_size(pixels, 32, few=False))
    assert (canvas.shape, corner.tolist()) == ((64, 128, 3), [0, 0])
    assert (canvas[48:] == 0).all()


# --- against the makers' own code ---


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("side", [200, 333, 640])
def test_yunet_on_the_runtime_sees_what_opencv_sees(
    furnished_models: Path, name: str, side: int, request: pytest.FixtureRequest
) -> None:
    whole = request.getfixturevalue(name).pixels
    ours, theirs = both_yunets(furnished_models, cv2.resize(whole, None, fx=side / len(whole), fy=side / len(whole)))
    assert len(ours) == len(theirs) > 0
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_yunet_agrees_on_the_shared_pictures(furnished_models: Path, assets: Path) -> None:
    pictures = sorted((assets / "data" / "conditions").rglob("*.jpg"))[:12]
    assert pictures
    for path in pictures:
        pixels = cv2.imread(str(path))[:, :, ::-1]
        factor = min(1.0, 640 / max(pixels.shape))
        ours, theirs = both_yunets(furnished_models, cv2.resize(pixels, None, fx=factor, fy=factor))
        assert len(ours) == len(theirs)
        np.testing.assert_allclose(ours, theirs, atol=5e-3)


def test_yunet_sees_each_picture_of_a_batch_as_it_does_alone(
    furnished_models: Path, astronaut: Image, hopper: Image
) -> None:
    network = Runtime().network(yunet_graph(furnished_models))
    both = np.stack([cv2.resize(image.pixels, (320, 288)) for image in (astronaut, hopper)])
    for together, picture in zip(candidates(network, both, 0.3), both, strict=True):
        (alone,) = candidates(network, picture[None], 0.3)
        np.testing.assert_allclose(together, alone, atol=1e-3)


def both_yunets(models: Path, pixels: NDArray[np.uint8]) -> tuple[Doubles, Doubles]:
    """Every candidate over 0.3 as our runtime and as OpenCV finds it, in one order."""
    canvas, _ = on_canvas(pixels, HEADS["yunet"], canvas_size(pixels, 32, few=False))
    (ours,) = candidates(Runtime().network(yunet_graph(models)), canvas[None], 0.3)
    file = str(models / "opencv-zoo" / "face_detection_yunet_2023mar.onnx")
    reference = cv2.FaceDetectorYN.create(file, "", (pixels.shape[1], pixels.shape[0]), 0.3, 1.0, 5000)
    _, rows = reference.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
    theirs = np.empty((0, 15)) if rows is None else np.asarray(rows, np.float64)
    return in_order(ours), in_order(theirs)


def in_order(rows: Doubles) -> Doubles:
    return rows[np.argsort(rows[:, 14])]


def test_retinaface_decodes_as_its_package_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own decoder is fed the same outputs; its graph is asked for nothing."""
    monkeypatch.setitem(os.environ, "DEEPFACE_BACKEND_ENGINE", "onnx")
    package = pytest.importorskip("retinaface.RetinaFace")
    chance = np.random.default_rng(5)
    outputs = {
        f"{kind}_{stride}": chance.normal(scale=0.2, size=(1, 1024 // stride, 1024 // stride, channels))
        for stride in (32, 16, 8)
        for kind, channels in (("prob", 4), ("bbox", 8), ("points", 20))
    }
    outputs = {name: value.astype(np.float32) for name, value in outputs.items()}
    theirs = package.detect_faces(
        np.zeros((1024, 1024, 3), np.uint8), threshold=0.6, model=lambda _: [value.copy() for value in outputs.values()]
    )
    (ours,) = retinaface(outputs, (1024, 1024), 0.6)
    assert len(theirs) > 5
    for face in theirs.values():
        row = ours[np.abs(ours[:, 14] - face["score"]).argmin()]
        corners = np.clip([row[0], row[1], row[0] + row[2], row[1] + row[3]], 0, 1023)
        assert np.abs(corners - face["facial_area"]).max() <= 1  # the package cuts to whole pixels
        theirs_points = [face["landmarks"][k] for k in ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")]
        np.testing.assert_allclose(row[4:14].reshape(5, 2), theirs_points, atol=1e-3)


def test_centerface_decodes_as_deepface_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environ, "DEEPFACE_BACKEND_ENGINE", "onnx")
    client = pytest.importorskip("deepface.models.face_detection.CenterFace").CenterFace
    chance = np.random.default_rng(6)
    maps = {name: chance.normal(scale=0.2, size=(1, c, 40, 60)) for name, c in (("538", 2), ("539", 2), ("540", 10))}
    heat = chance.random(size=(1, 1, 40, 60))
    boxes, points = client.decode(
        client.__new__(client), heat, maps["538"], maps["539"], maps["540"], (160, 240), threshold=0.98
    )
    outputs = {name: value.astype(np.float32) for name, value in {"537": heat, **maps}.items()}
    (ours,) = HEADS["centerface"].decode(outputs, (160, 240), 0.98)
    assert len(boxes) > 5
    for box, spots in zip(boxes, points, strict=True):
        row = ours[np.abs(ours[:, 14] - box[4]).argmin()]
        if min(row[0], row[1]) <= 0 or row[0] + row[2] >= 240 or row[1] + row[3] >= 160:
            continue  # theirs is cut off at the frame, and the points with it
        np.testing.assert_allclose([row[0], row[1], row[0] + row[2], row[1] + row[3]], box[:4], atol=1e-3)
        np.testing.assert_allclose(row[4:14], spots, atol=1e-3)
