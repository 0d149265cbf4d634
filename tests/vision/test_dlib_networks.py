"""The rebuilt networks give the numbers of dlib itself."""

from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision import dlib_graphs, dlib_weights
from heirloom.vision.alignment import dlib_chips
from heirloom.vision.detection import Pixels, without_doubles
from heirloom.vision.features import unit_rows
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.packs import mosaic, pyramid
from heirloom.vision.packs.pyramid import Windows
from heirloom.vision.runtime import CUDA, Network, Runtime
from heirloom.vision.types import Box, Floats
from tests.vision.graphs import Gpu

SIZE = 360


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime()


@pytest.fixture(scope="module")
def detector(runtime: Runtime, models_dir: Path) -> Network:
    return runtime.network(dlib_graphs.detector_graph(models_dir))


@pytest.fixture(scope="module")
def cropped(astronaut: Image, hopper: Image) -> list[Pixels]:
    """Both portraits, small enough for dlib's own detector to take a second only."""
    return [np.ascontiguousarray(image.pixels[:SIZE, 60 : 60 + SIZE]) for image in (astronaut, hopper)]


def found_by_dlib(pixels: Pixels) -> tuple[Box, float]:
    mmod = dlib.cnn_face_detection_model_v1(str(dlib_weights.path_of(dlib_weights.DETECTOR)))
    [best] = mmod(pixels, 0)
    rect = best.rect
    return Box(rect.left(), rect.top(), rect.width(), rect.height()), best.confidence


def test_the_descriptor_is_dlibs_own(runtime: Runtime, models_dir: Path, astronaut: Image, hopper: Image) -> None:
    reference = dlib.face_recognition_model_v1(str(dlib_weights.path_of(dlib_weights.DESCRIPTOR)))
    boxes = [Box(170, 65, 96, 96), Box(194, 145, 165, 165)]
    chips = []
    for image, box in zip((astronaut, hopper), boxes, strict=True):
        shape = Landmarks().shape5(image.pixels, box)
        chips.append(dlib.get_face_chip(image.pixels, shape, 150, 0.25))
    ours = runtime.network(dlib_graphs.descriptor_graph(models_dir)).run(np.stack(chips))
    theirs = np.stack([np.asarray(reference.compute_face_descriptor(chip), np.float32) for chip in chips])
    assert np.abs(ours - theirs).max() < 1e-5
    assert (unit_rows(ours) * unit_rows(theirs)).sum(axis=1).min() > 0.999999


@pytest.mark.parametrize("scale", [1, 3, 8])
def test_chips_give_the_template_of_dlibs_own_chips(
    scale: int, runtime: Runtime, models_dir: Path, astronaut: Image
) -> None:
    pixels = np.ascontiguousarray(astronaut.pixels[30:230, 130:330].repeat(scale, axis=0).repeat(scale, axis=1))
    shape = Landmarks().shape5(pixels, Box(40 * scale, 35 * scale, 96 * scale, 96 * scale))
    paddings = (0.20, 0.25, 0.30)
    theirs = np.stack([dlib.get_face_chip(pixels, shape, 150, padding) for padding in paddings])
    network = runtime.network(dlib_graphs.descriptor_graph(models_dir))
    ours = unit_rows(network.run(dlib_chips(pixels, shape, paddings)))
    assert (ours * unit_rows(network.run(theirs))).sum(axis=1).min() > 0.9998


def test_the_detector_finds_what_dlibs_finds(detector: Network, cropped: list[Pixels]) -> None:
    for pixels in cropped:
        box, confidence = found_by_dlib(pixels)
        windows = pyramid.scan(detector, pixels, 0.0)
        [best] = without_doubles(windows.boxes, windows.scores, 0.4)
        x, y, width, height = windows.boxes[best]
        stride = pyramid.STRIDE_PX * width / pyramid.WINDOW_PX
        assert abs(windows.scores[best] - confidence) < 0.05
        # Neighbouring levels score nearly alike, and dlib's tiles shift its grid: either may win by a hair.
        assert max(width / box.width, box.width / width) < 1.21
        assert abs((x + width / 2) - (box.x + box.width / 2)) <= stride
        assert abs((y + height / 2) - (box.y + box.height / 2)) <= stride


def test_skipping_empty_levels_changes_no_score(detector: Network, cropped: list[Pixels]) -> None:
    for pixels in cropped:
        skipping = pyramid.scan(detector, pixels, 0.0)
        whole = [pyramid._within(detector, level, 0.0) for level in pyramid._levels(pixels)]
        boxes, scores = np.concatenate([each.boxes for each in whole]), np.concatenate([each.scores for each in whole])
        best = [without_doubles(skipping.boxes, skipping.scores, 0.4), without_doubles(boxes, scores, 0.4)]
        np.testing.assert_allclose(skipping.boxes[best[0]], boxes[best[1]])
        np.testing.assert_allclose(skipping.scores[best[0]], scores[best[1]], atol=1e-4)


def framed(pixels: Pixels, side: int) -> Pixels:
    whole = np.full((side, side, 4), 255, np.uint8)
    whole[:, :, 3] = 0
    whole[: pixels.shape[0], : pixels.shape[1], :3] = pixels
    whole[: pixels.shape[0], : pixels.shape[1], 3] = 1
    return whole


def test_what_lies_around_a_picture_changes_none_of_its_scores(detector: Network, astronaut: Image) -> None:
    """Pictures of several sizes in one run, each in the corner of a larger frame, score as each does alone."""
    sizes = ((64, 64), (91, 300), (233, 117), (320, 320), (199, 256))
    pictures = [astronaut.pixels[:height, 100 : 100 + width] for height, width in sizes]
    together = detector.run(np.stack([framed(pixels, 384) for pixels in pictures]))
    for pixels, scores in zip(pictures, together, strict=True):
        alone = detector.run(np.dstack([pixels, np.ones_like(pixels[:, :, :1])])[None])[0, 0]
        np.testing.assert_allclose(scores[0, : alone.shape[0], : alone.shape[1]], alone, atol=1e-5)


def marked(pixels: Pixels) -> Pixels:
    return np.dstack([pixels, np.ones_like(pixels[:, :, :1])])


def test_pictures_side_by_side_score_as_each_does_alone(detector: Network, astronaut: Image) -> None:
    sizes = ((320, 256), (233, 117), (199, 256), (180, 64), (91, 300), (64, 64))
    pictures = [marked(astronaut.pixels[:height, 100 : 100 + width]) for height, width in sizes]
    for pixels, scores in zip(pictures, mosaic.scores(detector, pictures), strict=True):
        np.testing.assert_allclose(scores, detector.run(pixels[None])[0, 0], atol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (640, 640), (360, 640), (640, 480), (1280, 720), (1280, 1280), (90, 1920)])
def test_a_pyramid_is_laid_out_apart_and_on_few_canvases(size: tuple[int, int]) -> None:
    sizes = [level.pixels.shape[:2] for level in pyramid._levels(np.zeros((*size, 3), np.uint8))]
    canvas, places = mosaic.laid_out(sizes)
    assert canvas in {mosaic.SMALL, mosaic.CANVAS, (2688, 3072)}
    sheets = 1 + max(place.sheet for place in places)
    assert sheets == 1 or max(size) > 640
    gap = mosaic.REACH_PX
    taken = np.zeros((sheets, canvas[0] + 2 * gap, canvas[1] + 2 * gap), np.bool_)
    for place, (height, width) in zip(places, sizes, strict=True):
        assert (place.top % 8, place.left % 8) == (0, 0)
        assert (place.top + height <= canvas[0], place.left + width <= canvas[1]) == (True, True)
        around = taken[place.sheet, place.top : place.top + height + 2 * gap, place.left : place.left + width + 2 * gap]
        assert not around.any()
        around[gap:-gap, gap:-gap] = True


def test_a_gpu_finds_the_same_in_one_run_a_picture(models_dir: Path, detector: Network, astronaut: Image) -> None:
    gpu = Gpu()
    network = Runtime(CUDA, opener=gpu).network(dlib_graphs.detector_graph(models_dir))
    pictures = [astronaut.pixels[:height, :width] for height, width in ((512, 512), (480, 333), (301, 499), (400, 400))]
    for pixels in pictures:
        exact, whole = (by_place(pyramid.scan(each, pixels, 0.0)) for each in (detector, network))
        np.testing.assert_array_equal(whole.boxes, exact.boxes)
        np.testing.assert_allclose(whole.scores, exact.scores, atol=1e-5)
        assert len(exact.scores)
    assert gpu.shown == [{"images": (1, 1344, 1536, 4)}] * len(pictures)


def by_place(found: Windows) -> Windows:
    order = np.lexsort(found.boxes.T)
    return Windows(found.boxes[order], found.scores[order])


def test_a_graph_is_written_once(tmp_path: Path) -> None:
    first = dlib_graphs.detector_graph(tmp_path)
    written_ns = first.stat().st_mtime_ns
    assert dlib_graphs.detector_graph(tmp_path) == first
    assert first.stat().st_mtime_ns == written_ns
    assert list(tmp_path.iterdir()) == [first]


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not in the file"):
        dlib_weights.tensors(b"something else entirely", [(4736, 1, 1, 1)])


@pytest.mark.parametrize("side", [480, 640, 1280])
def test_a_face_that_fills_the_picture_saves_the_finest_levels(detector: Network, astronaut: Image, side: int) -> None:
    face = np.asarray(cv2.resize(astronaut.pixels[20:220, 120:320], (side, side)), np.uint8)
    counted = Counted(detector)
    whole = pyramid.scan(counted, face, 0.0)  # type: ignore[arg-type]
    everything, counted.pixels = counted.pixels, 0
    sparing = pyramid.scan(counted, face, 0.0, least_share=0.5)  # type: ignore[arg-type]
    assert counted.pixels < 0.6 * everything
    best, same = (int(found.scores.argmax()) for found in (whole, sparing))
    np.testing.assert_allclose(sparing.boxes[same], whole.boxes[best])
    assert sparing.scores[same] == pytest.approx(whole.scores[best], abs=1e-4)


@pytest.mark.parametrize("share", [0.5, 0.55, 0.6, 0.7, 0.8])
def test_a_face_beside_it_of_the_least_share_is_never_saved(detector: Network, astronaut: Image, share: float) -> None:
    face = astronaut.pixels[20:220, 120:320]
    for side in range(240, 440, 40):
        picture = np.full((side, round(side * (1 + share)), 3), 90, np.uint8)
        picture[:, :side] = cv2.resize(face, (side, side))
        small = picture.shape[1] - side
        picture[:small, side:] = cv2.resize(face, (small, small))
        found = pyramid.scan(detector, picture, 0.0, least_share=0.5)
        whole = pyramid.scan(detector, picture, 0.0)
        kept = [without_doubles(each.boxes, each.scores, 0.4) for each in (found, whole)]
        assert len(kept[0]) == len(kept[1])


class Counted:
    """A network that counts the pixels it is given."""

    def __init__(self, network: Network) -> None:
        self._network, self.pixels, self.fixed_shapes = network, 0, network.fixed_shapes

    def run(self, values: Pixels) -> Floats:
        self.pixels += values.shape[1] * values.shape[2]
        return self._network.run(values)
