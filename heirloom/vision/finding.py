"""Faces of a picture, each with the proof that it stands upright, or lies or hangs by so many quarters, or none.

What a detector finds is proved first as the picture is. Where it finds none, the picture is looked at once more with a
margin around it: a detector wants some of what surrounds a face, and a tight crop has none. Where there still is none,
or the largest is not upright, the picture is turned and looked at again; what is proved there takes the place of what
was misread.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.detection import (
    COMPANION_SHARE,
    THOROUGH_FACTOR,
    Detector,
    Search,
    largest_first,
    without_doubles,
)
from heirloom.vision.turning import QUARTERS, moved_face, turned_face, turned_image
from heirloom.vision.types import AnalysisRequest, Face
from heirloom.vision.uprightness import Uprightness

Detected = tuple[tuple[Face, ...], str]
"""The faces of one image, and the detector that found them, or the last that was tried."""

OTHER_TURNS = (2, 1, 3)

MARGIN_SHARE = 0.3
"""How wide the margin is against the picture's longer side; its pixels repeat the picture's edge. Only detectors and
landmarks see it: what becomes a template is cut from the picture itself (docs/models/conditions.md)."""


class Finder:
    """Looks for faces with one detector, and with others where that finds nothing."""

    def __init__(self, detector: Detector, others: Sequence[Detector], uprightness: Uprightness) -> None:
        self._detector, self._uprightness = detector, uprightness
        self._others = [each for each in others if each.name != detector.name]

    def find(self, image: Image, request: AnalysisRequest, working_side_px: int) -> Detected:
        """Return the faces of a picture, the largest first, in its own pixels."""
        search = replace(Search.of(request), working_side_px=working_side_px)
        faces, used = self._seen(image, search, request)
        if not request.prove_upright:
            return faces, used
        if not faces:
            faces = self._within_margin(image, search, request)
            used = self._detector.name if faces else used
        faces = tuple(self._standing(image, faces))
        if faces and faces[0].turn is not None:
            return faces, used
        turned = [face for quarters in OTHER_TURNS for face in self._turned(image, quarters, search, request)]
        if turned and not faces:
            used = self._detector.name
        return largest_first(_told_apart(faces, turned, search.iou_threshold), search.max_faces), used

    def _within_margin(self, image: Image, search: Search, request: AnalysisRequest) -> tuple[Face, ...]:
        """The faces that the first detector finds once there is a margin, where they lie in the picture itself."""
        wide = round(MARGIN_SHARE * max(image.height, image.width))
        pixels = np.pad(image.pixels, ((wide, wide), (wide, wide), (0, 0)), mode="edge")
        faces, _ = self._seen(replace(image, pixels=pixels), search, replace(request, use_fallback=False))
        return tuple(moved_face(face, -wide) for face in faces)

    def _turned(self, image: Image, quarters: int, search: Search, request: AnalysisRequest) -> Iterator[Face]:
        """The faces that are proved upright once the picture is turned, as they lie in it as it was given."""
        seen = turned_image(image, quarters)
        faces, _ = self._seen(seen, search, replace(request, use_fallback=False))
        for face in self._standing(seen, faces):
            if face.turn == 0:
                yield turned_face(face, QUARTERS - quarters, seen)  # on to a whole turn, which is back

    def _standing(self, image: Image, faces: Sequence[Face]) -> Iterator[Face]:
        for face, proved in zip(faces, self._uprightness.proved(image, faces), strict=True):
            yield replace(face, turn=0 if proved else None)

    def _seen(self, image: Image, search: Search, request: AnalysisRequest) -> Detected:
        faces, used = self._detector.detect(image, search), self._detector
        if len(faces) == 1 and request.companions and request.max_faces > 1:
            return self._with_companions(image, search, faces), used.name
        if not faces and request.use_fallback:
            for used, closer in self._fallbacks(search):
                faces = used.detect(image, closer)
                if faces:
                    break
        return faces, used.name

    def _with_companions(self, image: Image, search: Search, found: tuple[Face, ...]) -> tuple[Face, ...]:
        """Look again, at most twice as closely, where a face half as large as the one found was too small to see."""
        companion_px = max(COMPANION_SHARE * found[0].box.width, search.min_face_px * image.scale)
        needed = self._detector.smallest_face_px / companion_px * max(image.width, image.height)
        if needed <= search.working_side_px:
            return found
        side = min(round(needed), search.working_side_px * THOROUGH_FACTOR)
        return self._detector.detect(image, replace(search, working_side_px=side)) or found

    def _fallbacks(self, search: Search) -> list[tuple[Detector, Search]]:
        """The same detector at twice the size, for faces half as large; then other quick ones."""
        closer = replace(
            search,
            min_face_px=max(1, search.min_face_px // THOROUGH_FACTOR),
            working_side_px=search.working_side_px * THOROUGH_FACTOR,
        )
        return [(self._detector, closer), *((other, closer) for other in self._others)]


def _told_apart(faces: Sequence[Face], turned: Sequence[Face], iou_threshold: float) -> list[Face]:
    """Return each face once: proved before unproved, as the picture is before turned, then by confidence."""
    order = sorted([*faces, *turned], key=lambda face: (face.turn is None, face.turn != 0, -face.confidence))
    if not order:
        return []
    boxes = np.array([(each.box.x, each.box.y, each.box.width, each.box.height) for each in order])
    return [order[k] for k in without_doubles(boxes, -np.arange(len(order), dtype=np.float64), iou_threshold)]
