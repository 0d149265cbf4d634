"""A photo is of the face that stands out; by how much is asked of a reference more than of a probe."""

import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision.gates import ENROLL, VERIFY
from heirloom.vision.subject import in_photo, prominence
from heirloom.vision.types import Box, Face, FrameAnalysis, Observation, Pose, Quality, Template

PHOTO = Image(np.zeros((480, 640, 3), np.uint8))
MIDDLE = (320.0, 240.0)


def face(x: float, y: float, side: float) -> Observation:
    quality = Quality(80.0, 1.0, 120.0, 60.0, Pose(0, 0, 0), ())
    box = Box(x - side / 2, y - side / 2, side, side)
    return Observation(Face(box, 1.0, np.zeros((5, 2), np.float32)), quality, Template("m", np.ones(1, np.float32)))


def photo(*faces: Observation) -> FrameAnalysis:
    return FrameAnalysis(tuple(sorted(faces, key=lambda each: -each.face.box.width)))


@pytest.mark.parametrize("gate", [VERIFY, ENROLL])
def test_a_face_alone_is_taken_wherever_it_is(gate: object) -> None:
    alone = face(90, 100, 120)
    seen = in_photo(PHOTO, photo(alone), gate)  # type: ignore[arg-type]
    assert (seen.observation, seen.reasons) == (alone, ())


def test_no_face_is_told() -> None:
    assert in_photo(PHOTO, photo()).reasons == ("no_face",)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(face(560, 150, 110), id="smaller and aside"),
        pytest.param(face(600, 240, 160), id="as large but at the edge"),
        pytest.param(face(40, 240, 200), id="larger but half out of the picture"),
    ],
)
def test_who_stands_aside_does_not_disturb_a_probe_but_a_reference(other: Observation) -> None:
    main = face(*MIDDLE, 160)
    probe = in_photo(PHOTO, photo(main, other))
    assert (probe.observation, probe.reasons) == (main, ())
    assert in_photo(PHOTO, photo(main, other), ENROLL).reasons == ("several_faces",)


@pytest.mark.parametrize("gate", [VERIFY, ENROLL])
def test_two_who_stand_out_alike_are_several(gate: object) -> None:
    both = photo(face(200, 240, 150), face(440, 240, 150))
    assert in_photo(PHOTO, both, gate).reasons == ("several_faces",)  # type: ignore[arg-type]


def test_a_tiny_face_far_behind_disturbs_no_reference() -> None:
    main = face(*MIDDLE, 200)
    assert in_photo(PHOTO, photo(main, face(610, 60, 40)), ENROLL).reasons == ()


def test_a_third_face_counts_as_well_as_the_second() -> None:
    crowd = photo(face(*MIDDLE, 160), face(620, 40, 60), face(380, 240, 120))
    assert in_photo(PHOTO, crowd).reasons == ("several_faces",)


def test_prominence_does_not_depend_on_the_size_of_the_picture() -> None:
    large = Image(np.zeros((960, 1280, 3), np.uint8))
    small_ratio = prominence(PHOTO, Box(0, 0, 90, 90)) / prominence(PHOTO, Box(250, 200, 90, 90))
    assert prominence(large, Box(0, 0, 180, 180)) / prominence(large, Box(500, 400, 180, 180)) == pytest.approx(
        small_ratio
    )


def test_a_face_outside_the_picture_has_none() -> None:
    assert prominence(PHOTO, Box(700, 100, 50, 50)) == 0.0
