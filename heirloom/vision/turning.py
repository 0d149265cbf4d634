"""Pictures and faces turned by quarters, there and back, counter-clockwise, as numpy.rot90 turns; and faces moved."""

from dataclasses import replace

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.types import Box, Face, Floats, Pose

QUARTERS = 4


def turned_image(image: Image, quarters: int) -> Image:
    """Return the picture turned by so many quarters; the very same for none."""
    if quarters % QUARTERS == 0:
        return image
    return replace(image, pixels=np.ascontiguousarray(np.rot90(image.pixels, quarters)))


def turned_face(face: Face, quarters: int, image: Image) -> Face:
    """Return where a face of `image` lies in that picture turned by so many quarters, and as seen there.

    Its `turn` follows: the face of a picture that was turned by `face.turn` quarters stands upright, with 0 left.
    """
    quarters %= QUARTERS
    width, height = image.width, image.height
    for _ in range(quarters):
        face = _quarter(face, width)
        width, height = height, width
    return face


def moved_face(face: Face, by: float) -> Face:
    """Return the face so many pixels further to the right and down."""
    return replace(
        face,
        box=replace(face.box, x=face.box.x + by, y=face.box.y + by),
        points5=face.points5 + np.float32(by),
        points68=None if face.points68 is None else face.points68 + np.float32(by),
    )


def turned_pose(pose: Pose, quarters: int) -> Pose:
    """Return the pose in a picture turned by so many quarters; yaw and pitch are the head's own and stay."""
    roll = pose.roll - 90.0 * (quarters % QUARTERS)
    return replace(pose, roll=(roll + 180.0) % 360.0 - 180.0) if quarters % QUARTERS else pose


def _quarter(face: Face, width: int) -> Face:
    box = face.box
    return replace(
        face,
        box=Box(box.y, width - 1 - box.x - box.width, box.height, box.width),
        points5=_points(face.points5, width),
        points68=None if face.points68 is None else _points(face.points68, width),
        turn=None if face.turn is None else (face.turn - 1) % QUARTERS,
    )


def _points(points: Floats, width: int) -> Floats:
    return np.column_stack([points[:, 1], width - 1 - points[:, 0]]).astype(np.float32)
