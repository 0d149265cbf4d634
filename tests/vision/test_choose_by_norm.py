"""Where a recogniser says how good a picture is by the norm of its features, that chooses the frames of a clip."""

import numpy as np

from heirloom.vision.subject import Glimpse, unlike_each_other
from heirloom.vision.types import Box, Face, Observation, Pose, Quality, Template


def glimpse(at_s: float, score: float, norm: float | None) -> Glimpse:
    face = Face(Box(0, 0, 100, 100), 1.0, np.zeros((5, 2), np.float32))
    quality = Quality(score, 100.0, 120.0, 60.0, Pose(0, 0, 0), ())
    return Glimpse(at_s, Observation(face, quality, Template("m", np.ones(1, np.float32), norm)))


def test_the_frame_with_the_greatest_norm_is_taken_first() -> None:
    frames = [glimpse(0.0, 90.0, 12.0), glimpse(1.0, 60.0, 27.0), glimpse(2.0, 80.0, 20.0)]
    assert unlike_each_other(frames, 1) == [frames[1]]


def test_without_norms_the_score_of_the_picture_decides() -> None:
    frames = [glimpse(0.0, 90.0, None), glimpse(1.0, 60.0, None)]
    assert unlike_each_other(frames, 1) == [frames[0]]
