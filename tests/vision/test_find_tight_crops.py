"""A face that fills its picture is found, where it lies in the picture as it was given."""

import numpy as np
import pytest

from bench.studies.degraded import cropped
from heirloom.media.types import Image
from heirloom.vision.comparison import compare
from heirloom.vision.engine import VisionEngine
from heirloom.vision.types import AnalysisRequest

REQUEST = AnalysisRequest(want=frozenset({"template"}))


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.25])
def test_a_crop_of_a_face_is_the_same_face(engine: VisionEngine, hopper: Image, margin: float) -> None:
    [whole] = engine.analyze([hopper], REQUEST)
    crop = cropped(margin)(hopper, whole.faces[0].face)
    [frame] = engine.analyze([crop], REQUEST)
    assert frame.detector == "dlib"
    (seen,) = frame.faces
    middle = seen.face.points5.mean(axis=0)
    assert np.all((middle > 0) & (middle < (crop.width, crop.height)))
    assert seen.template is not None
    assert whole.faces[0].template is not None
    assert compare(seen.template, whole.faces[0].template) > 0.955


def test_a_picture_without_a_face_stays_without(engine: VisionEngine) -> None:
    sky = np.tile(np.linspace(60, 200, 240, dtype=np.uint8)[:, None, None], (1, 320, 3))
    [frame] = engine.analyze([Image(np.ascontiguousarray(sky))], REQUEST)
    assert frame.faces == ()
