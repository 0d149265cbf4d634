"""Quality in the words of ISO/IEC 29794-5:2025: its components that need only pixels, landmarks and pose. Pure.

Names and scales (0 to 100, higher is better) are the standard's, formulas those of its reference implementation, OFIQ
(BSI, MIT licence, github.com/BSI-OFIQ/OFIQ-Project, release 1.1; each function names the file in
OFIQlib/modules/measures/src). OFIQ places 98 landmarks, finds the pose and parts the face by networks of its own; here
stand the pack's 68 landmarks, the pose of its five, and the hull of the landmarks. So no number is conformant to the
last digit: `FORMULA` is computed as OFIQ does from what differs as little as two landmark models do, `ALIKE` besides
does without a mask that OFIQ has, or with another pose. docs/models/quality.md says how near they come.
"""

import math
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from heirloom.media.types import Image
from heirloom.vision.alignment import similarity
from heirloom.vision.detection import Pixels
from heirloom.vision.landmarks import five_of
from heirloom.vision.pose import pose_of
from heirloom.vision.types import Face

Doubles = NDArray[np.float64]

FORMULA = (
    "illumination_uniformity",
    "luminance_mean",
    "luminance_variance",
    "dynamic_range",
    "natural_colour",
    "eyes_open",
    "mouth_closed",
    "inter_eye_distance",
    "head_size",
    "leftward_crop_of_the_face_image",
    "rightward_crop_of_the_face_image",
    "margin_above_of_the_face_image",
    "margin_below_of_the_face_image",
)
ALIKE = (
    "background_uniformity",
    "under_exposure_prevention",
    "over_exposure_prevention",
    "head_pose_yaw",
    "head_pose_pitch",
    "head_pose_roll",
)
NAMES = (*FORMULA, *ALIKE)

ALIGNED_SIDE = 616
ALIGNED_POINTS = np.array([(251, 272), (364, 272), (308, 336), (262, 402), (355, 402)], np.float64)
"""OFIQ's aligned face and where its five points lie (utils.cpp, alignImage)."""

EYE_CORNERS = (36, 39), (42, 45)
LIDS = ((37, 41), (38, 40)), ((43, 47), (44, 46))
INNER_LIPS = (61, 67), (62, 66), (63, 65)
CHIN = 8
"""iBUG's numbers of what OFIQ takes from its 98 landmarks; that has three pairs of lids, this two."""

ZONE = 0.3
"""The side of the two squares on the cheeks, in eye distances."""

DARK, LIGHT = 25, 247
"""Luminance up to which a pixel is under-exposed, and from which it is over-exposed."""

BACKGROUND_CROP, BACKGROUND_SIZE, AROUND = (62, 108), (354, 295), 1.5
"""Pixels of the aligned face left out at the sides and below, the size that is looked at (BackgroundUniformity.h), and
how much larger than the landmarks the ellipse is that stands here for OFIQ's mask of the head."""


def components(image: Image, face: Face) -> dict[str, int | None]:
    """Return each of NAMES' scores, 0..100, of a face that stands upright in its picture.

    None where there is nothing to measure: all that rests on 68 landmarks where the pack has but five, and
    background_uniformity where the head fills the picture.
    """
    pose = pose_of(face.points5)
    scores: dict[str, int | None] = dict.fromkeys(NAMES)
    scores |= {f"head_pose_{axis}": aligned_pose(getattr(pose, axis)) for axis in ("yaw", "pitch", "roll")}
    if face.points68 is None or not np.isfinite(face.points68).all():
        return scores
    seen = Seen(image, np.asarray(face.points68, np.float64))
    scores |= exposure(seen) | geometry(seen, pose.yaw)
    scores["illumination_uniformity"] = illumination_uniformity(seen)
    scores["natural_colour"] = natural_colour(seen)
    scores["background_uniformity"] = background_uniformity(seen)
    return scores


class Seen:
    """A face as the formulas want it. points: (68, 2) in the picture. aligned: in the square of ALIGNED_SIDE."""

    def __init__(self, image: Image, points: Doubles) -> None:
        self.image, self.points = image, points
        self._matrix = similarity(five_of(points.astype(np.float32)).astype(np.float64), ALIGNED_POINTS)
        self.aligned = points @ self._matrix[:, :2].T + self._matrix[:, 2]

    @cached_property
    def pixels(self) -> Pixels:
        """(616, 616, 3), black beyond the frame."""
        return self._warped(self.image.pixels)

    @cached_property
    def within(self) -> Pixels:
        """(616, 616): 255 where the picture has pixels."""
        return self._warped(np.full(self.image.pixels.shape[:2], 255, np.uint8))

    @cached_property
    def luminance(self) -> Pixels:
        """(616, 616): luma of linear light, 0..255 (image_utils.cpp, GetLuminanceImageFromBGR; ITU-R BT.709)."""
        linear = cv2.transform(cv2.LUT(self.pixels, _LINEAR), _LUMA)
        return np.asarray(cv2.convertScaleAbs(linear, alpha=255), np.uint8)

    @cached_property
    def face(self) -> NDArray[np.bool_]:
        """(616, 616): inside the hull of the landmarks (FaceMeasures.cpp, GetFaceMask with alpha 0)."""
        mask = np.zeros((ALIGNED_SIDE, ALIGNED_SIDE), np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(self.aligned).astype(np.int32)), 1)
        return np.asarray(mask > 0)

    @property
    def shades(self) -> Doubles:
        """(256,): the share of the face at each luminance; empty of all where no landmark lies in the square."""
        counts = np.bincount(self.luminance[self.face], minlength=256).astype(np.float64)
        return np.asarray(counts / max(counts.sum(), 1.0))

    def zones(self) -> tuple[slice, slice, slice]:
        """Rows, then columns at the left and at the right, of the cheeks (CalculateRegionOfInterest)."""
        left, right = eyes_of(self.aligned)
        mouth = (self.aligned[62] + self.aligned[66]) / 2
        side = int(ZONE * np.linalg.norm(right - left))
        top = max(int(left[1] + np.linalg.norm(mouth - (left + right) / 2) / 2), 0)
        first, last = max(int(left[0]), 0), max(int(right[0]), 0)
        return slice(top, top + side), slice(first, first + side), slice(max(last - side, 0), last)

    def _warped(self, pixels: Pixels) -> Pixels:
        return np.asarray(cv2.warpAffine(pixels, self._matrix, (ALIGNED_SIDE, ALIGNED_SIDE)), np.uint8)


def eyes_of(points68: Doubles) -> tuple[Doubles, Doubles]:
    """Return the middles between the corners of the eye at the left and at the right of the picture."""
    left, right = (points68[list(corners)].mean(axis=0) for corners in EYE_CORNERS)
    return left, right


def t_metric(points68: Doubles) -> float:
    """Return the distance from the middle between the eyes to the chin, in pixels (utils.cpp, tmetric)."""
    left, right = eyes_of(points68)
    return max(float(np.linalg.norm(points68[CHIN] - (left + right) / 2)), 1e-9)


def exposure(seen: Seen) -> dict[str, int]:
    """Return what the luminance of the face says: Luminance.cpp, DynamicRange.cpp, OverExposurePrevention.cpp,
    UnderExposurePrevention.cpp; the last two without OFIQ's mask of what covers the face.
    """
    shares, shades = seen.shades, np.arange(256) / 255
    mean = float(shares @ shades)
    spread = 60 * float(shares @ (shades - mean) ** 2)
    known = shares[shares > 0]
    return {
        "luminance_mean": _scaled(sigmoid(mean, 0.2, 0.05) * (1 - sigmoid(mean, 0.8, 0.05)) * 100),
        "luminance_variance": _scaled(100 * math.sin(spread / (spread + 1) * math.pi)),
        "dynamic_range": _scaled(-12.5 * float(known @ np.log2(known))),
        "under_exposure_prevention": _scaled(120 * (0.832 - sigmoid(float(shares[: DARK + 1].sum()), 0.92, 0.05))),
        "over_exposure_prevention": _scaled(1 / (float(shares[LIGHT:].sum()) + 0.01)),
    }


def geometry(seen: Seen, yaw: float) -> dict[str, int]:
    """Return what the landmarks say: EyesOpen.cpp, MouthClosed.cpp, InterEyeDistance.cpp, HeadSize.cpp,
    CropOfTheFaceImage.cpp. yaw: in degrees; pixels are those of the original picture.
    """
    points, height, width = seen.points, seen.image.height, seen.image.width
    left, right = eyes_of(points)
    apart, t = max(float(np.linalg.norm(right - left)), 1e-9), t_metric(points)
    middle_y = float(left[1] + right[1]) / 2
    lids = min(_widest(seen.aligned, pairs) for pairs in LIDS) / t_metric(seen.aligned)
    frontal = apart / max(math.cos(math.radians(yaw)), 1e-9) / seen.image.scale
    return {
        "eyes_open": _scaled(100 * sigmoid(lids, 0.02, 0.01)),
        "mouth_closed": _scaled(100 * (1 - sigmoid(_widest(points, INNER_LIPS) / t, 0.2, 0.06))),
        "inter_eye_distance": _scaled(100 * sigmoid(frontal, 70, 20)),
        "head_size": _scaled(200 * (1 - sigmoid(abs(t / height - 0.45), 0, 0.05))),
        "leftward_crop_of_the_face_image": _scaled(100 * sigmoid(float(right[0]) / apart, 0.9, 0.1)),
        "rightward_crop_of_the_face_image": _scaled(100 * sigmoid((width - float(left[0])) / apart, 0.9, 0.1)),
        "margin_above_of_the_face_image": _scaled(100 * sigmoid(middle_y / t, 1.4, 0.1)),
        "margin_below_of_the_face_image": _scaled(100 * sigmoid((height - middle_y) / t, 1.8, 0.1)),
    }


def aligned_pose(degrees: float) -> int:
    """Return the score of one angle: HeadPose.cpp; OFIQ's angles come of 3DDFA, ours of five points."""
    return _scaled(100 * math.cos(math.radians(degrees)) ** 2)


def illumination_uniformity(seen: Seen) -> int | None:
    """Return how alike both cheeks' shades are: IlluminationUniformity.cpp. None where a cheek is missing."""
    rows, left, right = seen.zones()
    both = [np.where(seen.face, seen.luminance, 0)[rows, columns] for columns in (left, right)]
    if any(zone.size == 0 for zone in both):
        return None
    one, other = (np.bincount(zone.ravel(), minlength=256) / zone.size for zone in both)
    return _scaled(100 * float(np.minimum(one, other).sum()) ** 0.3)


def natural_colour(seen: Seen) -> int | None:
    """Return how near to skin the cheeks' mean color lies in CIELAB: NaturalColour.cpp, image_utils.cpp
    (ConvertBGRToCIELAB, D50). None where a cheek is missing.
    """
    rows, left, right = seen.zones()
    cheeks = np.concatenate([np.where(seen.face[..., None], seen.pixels, 0)[rows, each] for each in (left, right)], 1)
    if cheeks.size == 0:
        return None
    x, y, z = (_linear_of(cheeks.reshape(-1, 3).mean(axis=0) / 255) @ _TO_XYZ) / _D50
    a, b = 500 * (_cubic(x) - _cubic(y)), 200 * (_cubic(y) - _cubic(z))
    away = math.hypot(max(0.0, 5 - a, a - 25), max(0.0, 5 - b, b - 35)) if a >= 0 and b >= 0 else 100.0
    return _scaled(200 * (1 - sigmoid(away, 0, 10)))


def background_uniformity(seen: Seen) -> int | None:
    """Return how even the picture is around the head: BackgroundUniformity.cpp, but an ellipse around the landmarks and
    what lies below it stand for OFIQ's mask of head, hair and clothes. None where nothing else is to be seen.
    """
    side, below = BACKGROUND_CROP
    inside = slice(0, ALIGNED_SIDE - below), slice(side, ALIGNED_SIDE - side)
    luminance = cv2.resize(seen.luminance[inside], BACKGROUND_SIZE, interpolation=cv2.INTER_LINEAR)
    within = cv2.resize(seen.within[inside], BACKGROUND_SIZE, interpolation=cv2.INTER_NEAREST)
    mask = np.asarray((within > 0) & ~_head(seen), np.uint8)
    mask = np.asarray(cv2.erode(mask, np.ones((4, 4), np.uint8)), np.uint8)
    if not mask.any():
        return None
    across, down = (cv2.Sobel(luminance, cv2.CV_32F, *order, ksize=cv2.FILTER_SCHARR) for order in ((1, 0), (0, 1)))
    return _scaled(190 * (1 - sigmoid(float(np.hypot(across, down)[mask > 0].mean()), 10, 100)))


def _head(seen: Seen) -> NDArray[np.bool_]:
    """(295, 354): the ellipse, and the columns of the shoulders under it."""
    width, height = BACKGROUND_SIZE
    side, below = BACKGROUND_CROP
    scale = np.array((width / (ALIGNED_SIDE - 2 * side), height / (ALIGNED_SIDE - below)))
    low, high = (end(seen.aligned, axis=0) for end in (np.min, np.max))
    (x, y), (reach_x, reach_y) = ((low + high) / 2 - (side, 0)) * scale, (high - low) / 2 * AROUND * scale
    rows, columns = np.mgrid[:height, :width]
    ellipse = ((columns - x) / reach_x) ** 2 + ((rows - y) / reach_y) ** 2 <= 1
    return np.asarray(ellipse | (rows > y + reach_y / 2))


def sigmoid(value: float, middle: float, width: float) -> float:
    """Return OFIQ's sigmoid (Measure.h): 0.5 at the middle."""
    return 0.5 * (1 + math.tanh((value - middle) / (2 * width)))


def _widest(points: Doubles, pairs: tuple[tuple[int, int], ...]) -> float:
    return max(float(np.linalg.norm(points[one] - points[other])) for one, other in pairs)


def _scaled(score: float) -> int:
    """As OFIQ rounds: halves away from zero, within 0..100."""
    return int(min(max(math.floor(score + 0.5), 0), 100))


def _cubic(value: float) -> float:
    return math.cbrt(value) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116


def _linear_of(level: Doubles) -> Doubles:
    return np.asarray(np.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92))


_LINEAR = _linear_of(np.arange(256) / 255).astype(np.float32)
_LUMA = np.array([(0.2126, 0.7152, 0.0722)], np.float32)
_TO_XYZ = np.array([(0.43605, 0.22249, 0.01393), (0.38508, 0.71689, 0.09710), (0.14309, 0.06062, 0.71419)])
_D50 = np.array((0.964221, 1.0, 0.825211))
