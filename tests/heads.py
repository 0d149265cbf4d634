"""Heads made of numbers: the moments of a clip in which somebody, or a photo of somebody, moves."""

from collections.abc import Sequence

import numpy as np

from heirloom.decision.gestures import Kind
from heirloom.vision.motion import Moment
from heirloom.vision.pose import MODEL_POINTS
from heirloom.vision.types import Floats

EVERY_S = 0.125
SHOWN = {Kind.TURN_LEFT: (25, 0), Kind.TURN_RIGHT: (-25, 0), Kind.LOOK_UP: (0, 22), Kind.LOOK_DOWN: (0, -22)}


def turned(yaw: float, pitch: float) -> Floats:
    """Return (5, 2): the points of a head turned to the image's right and upwards by degrees, seen from far away."""
    y, p = np.radians([yaw, pitch])
    about_y = np.array([(np.cos(y), 0, np.sin(y)), (0, 1, 0), (-np.sin(y), 0, np.cos(y))])
    about_x = np.array([(1, 0, 0), (0, np.cos(p), -np.sin(p)), (0, np.sin(p), np.cos(p))])
    return np.asarray((MODEL_POINTS @ (about_y @ about_x).T)[:, :2] * 2 + 300, np.float32)


def moment(at_s: float, points5: Floats, *, eyes: float | None = 0.3) -> Moment:
    return Moment.seen(at_s, points5, eyes)


def acted(
    kinds: Sequence[Kind], *, late_s: float = 0.6, pace_s: float = 2.5, until_s: float = 15.0, lead_s: float = 1.5
) -> list[Moment]:
    """Return the moments of somebody who shows these gestures, one each `pace_s`."""
    starts = [lead_s + late_s + pace_s * number for number in range(len(kinds))]

    def share(at_s: float, start: float) -> float:
        return float(np.clip(min(at_s - start, start + 1.6 - at_s) / 0.4, 0, 1))

    moments = []
    for at_s in np.arange(0, until_s, EVERY_S):
        yaw = pitch = 0.0
        eyes = 0.3
        for kind, start in zip(kinds, starts, strict=True):
            across, up = SHOWN.get(kind, (0, 0))
            yaw, pitch = yaw + across * share(at_s, start), pitch + up * share(at_s, start)
            eyes -= 0.18 * share(at_s, start) * (kind is Kind.CLOSE_EYES)
        moments.append(moment(float(at_s), turned(yaw, pitch), eyes=eyes))
    return moments
