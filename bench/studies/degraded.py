"""Photos made worse by code: each way takes a picture and the face in it, and gives the picture as it would be then."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from heirloom.media.types import Image
from heirloom.vision import quality
from heirloom.vision.turning import turned_image
from heirloom.vision.types import Face

Way = Callable[[Image, Face], Image]
MASKS = {"blue": (120, 160, 200), "white": (225, 225, 222), "black": (25, 25, 28)}
LENS = (25, 25, 28)
CAP = (40, 50, 90)


def cropped(margin: float) -> Way:
    """Cut out the detector's box, and so much of its side around it."""

    def way(image: Image, face: Face) -> Image:
        box, size = face.box, np.array((image.width, image.height))
        low = np.array((box.x - margin * box.width, box.y - margin * box.height))
        high = np.array((box.x + (1 + margin) * box.width, box.y + (1 + margin) * box.height))
        (x, y), (right, below) = np.clip(np.round((low, high)).astype(int), 0, size)
        return Image(np.ascontiguousarray(image.pixels[y:below, x:right]))

    return way


def in_gray(image: Image, _: Face) -> Image:
    gray = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
    return Image(np.asarray(cv2.cvtColor(gray, cv2.COLOR_GRAY2RGB), np.uint8))


def compressed(quality: int) -> Way:
    def way(image: Image, _: Face) -> Image:
        file = BytesIO()
        PillowImage.fromarray(image.pixels).save(file, "JPEG", quality=quality)
        return Image(np.asarray(PillowImage.open(file), np.uint8))

    return way


def turned(quarters: int) -> Way:
    return lambda image, _: turned_image(Image(image.pixels), quarters)


def with_eyes_apart(pixels: float) -> Way:
    """Shrink until the eyes are so far apart; what is smaller already stays."""

    def way(image: Image, face: Face) -> Image:
        factor = pixels / float(np.linalg.norm(face.points5[1] - face.points5[0]))
        if factor >= 1:
            return Image(image.pixels)
        return Image(np.asarray(cv2.resize(image.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)))

    return way


def blurred(sigma: float) -> Way:
    return lambda image, _: Image(np.asarray(cv2.GaussianBlur(image.pixels, (0, 0), sigma), np.uint8))


def noisy(sigma: float) -> Way:
    def way(image: Image, _: Face) -> Image:
        drawn = np.random.default_rng(int(image.pixels[::7].sum())).normal(0, sigma, image.pixels.shape)
        return _limited((image.pixels + drawn).astype(np.float64))

    return way


def dimmed(factor: float) -> Way:
    return lambda image, _: _limited(image.pixels * factor)


def flattened(factor: float) -> Way:
    """Draw every pixel towards the mean of the picture."""
    return lambda image, _: _limited((image.pixels - image.pixels.mean()) * factor + image.pixels.mean())


def after(*ways: Way) -> Way:
    """One after the other; none of them may move the face."""

    def way(image: Image, face: Face) -> Image:
        for each in ways:
            image = each(image, face)
        return image

    return way


def masked(color: str) -> Way:
    """Paint over all below the bridge of the nose, cheek to cheek."""

    def way(image: Image, face: Face) -> Image:
        points = landmarks(face)
        return _painted(image, np.concatenate([points[1:16], points[[29]]]), MASKS[color])

    return way


def in_sunglasses(image: Image, face: Face) -> Image:
    """Paint dark lenses over both eyes, through which little is seen, and a bridge between them."""
    points, over = landmarks(face), image.pixels.copy()
    apart = float(np.linalg.norm(points[45] - points[36]))
    for eye in (points[36:42], points[42:48]):
        cv2.ellipse(over, _whole(eye.mean(axis=0)), (int(apart * 0.27), int(apart * 0.19)), 0, 0, 360, LENS, -1)
    cv2.line(over, _whole(points[36]), _whole(points[45]), LENS, max(2, int(apart * 0.03)))
    return Image(np.asarray(cv2.addWeighted(over, 0.92, image.pixels, 0.08, 0), np.uint8))


def under_cap(image: Image, face: Face) -> Image:
    """Paint over all above the brows."""
    points = landmarks(face)
    brows, up = points[17:27], points[27] - points[8]
    return _painted(image, np.concatenate([points[[0]], brows, points[[16]], points[[16]] + up, points[[0]] + up]), CAP)


def laplacian(image: Image, face: Face) -> float:
    """Return the sharpness of former releases: the variance of the Laplacian of the patch."""
    return float(cv2.Laplacian(quality.patch_of(image, face).astype(np.float32), cv2.CV_32F).var())


def landmarks(face: Face) -> NDArray[np.float32]:
    """Raises ValueError where the pack has none."""
    if face.points68 is None:
        raise ValueError("covers are drawn by 68 landmarks")
    return face.points68


def _painted(image: Image, outline: NDArray[np.float32], color: tuple[int, int, int]) -> Image:
    over = image.pixels.copy()
    cv2.fillPoly(over, [np.round(outline).astype(np.int32)], color)
    return Image(over)


def _limited(pixels: NDArray[np.floating[Any]]) -> Image:
    return Image(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _whole(point: NDArray[np.float32]) -> tuple[int, int]:
    return int(point[0]), int(point[1])
