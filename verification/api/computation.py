"""What is computed and answered in the call: detect, compare, recognize, anti-spoofing."""

import time
from dataclasses import asdict
from functools import partial
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from enrollment.services import gallery
from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import User
from heirloom.api.idempotent import Idempotent
from heirloom.api.images import read_photo, read_photos
from heirloom.api.parsers import MultiPartParser
from heirloom.api.permissions import caller, role, role_or_scope
from heirloom.api.places import Computing
from heirloom.api.refusals import GOOD_FACE, NAMED_MODEL, ONE_FACE, PHOTO, SEALED, VISION
from heirloom.decision.sight import Sight
from heirloom.jobs import services as jobs
from heirloom.jobs.vision import chosen_pack, vision
from heirloom.media.types import Image, Still
from heirloom.vision.gates import PASSING_SCORE
from heirloom.vision.types import AnalysisRequest, Observation
from verification.api import computed
from verification.api import serializers as wire
from verification.api.galleries import asked_gallery
from verification.api.verifications import accepted
from verification.services import attempts, comparisons, verifications
from verification.services.searches import Search


class DetectView(Computing):
    """Find faces in a photo, with the quality of each."""

    costs = {"post": "photo"}
    permission_classes = [role("client", "hr", "admin")]
    refuses = (*PHOTO, *NAMED_MODEL)

    @extend_schema(request=computed.DetectInput, responses=computed.DetectAnswer)
    def post(self, request: Request) -> Response:
        given = _valid(computed.DetectInput(data=request.data))
        return Response(_detect(read_photo(given["image_base64"], attr="image_base64"), given))


class DetectUploadView(Computing):
    """Find faces in an uploaded photo."""

    costs = {"post": "photo"}
    permission_classes = [role("client", "hr", "admin")]
    refuses = (*PHOTO, *NAMED_MODEL)
    parser_classes = [MultiPartParser]

    @extend_schema(request={"multipart/form-data": computed.DetectUploadInput}, responses=computed.DetectAnswer)
    def post(self, request: Request) -> Response:
        given = _valid(computed.DetectUploadInput(data=request.data))
        still = read_photo(given["file"].read(), attr="file")
        return Response({**_detect(still, given), "filename": given["file"].name})


class CompareView(Computing):
    """Say whether two photos show the same person."""

    costs = {"post": "pair"}
    permission_classes = [role("client", "hr", "admin")]
    refuses = (*PHOTO, *GOOD_FACE, *NAMED_MODEL)

    @extend_schema(request=computed.CompareInput, responses=computed.CompareAnswer)
    def post(self, request: Request) -> Response:
        started = time.monotonic()
        given = _valid(computed.CompareInput(data=request.data))
        first, second = read_photos({name: given[name] for name in ("face1_image_base64", "face2_image_base64")})
        found = comparisons.compare(first=first.image, second=second.image, pack=given["model_name"])
        answer = {
            "success": True,
            "is_same_person": found.is_same_person,
            "similarity_score": _rounded(found.similarity),
            "confidence": _rounded(found.confidence),
            "raw_score": _rounded(found.raw_score),
            "threshold": _rounded(found.threshold),
            "policy": found.policy,
            "policy_caveats": list(found.caveats),
            "model_used": found.model,
            "processing_time": _since(started),
        }
        return Response(answer)


class RecognizeView(Computing, Idempotent):
    """Say who of the gallery a photo shows."""

    costs = {"post": "photo"}
    permission_classes = [role_or_scope("identify")]
    refuses = (*PHOTO, *GOOD_FACE, "invalid_gallery", *NAMED_MODEL, *SEALED, "queue_too_old", "too_many_attempts")

    @extend_schema(request=computed.RecognizeInput, responses={200: computed.RecognizeAnswer, 202: wire.AcceptedAnswer})
    def post(self, request: Request) -> Response:
        started = time.monotonic()
        given = _valid(computed.RecognizeInput(data=request.data))
        among = asked_gallery(given, caller(request))
        if given["processing_mode"] == "async":
            return self._later(given, among, caller(request))
        sight = caller(request).sight
        photo = read_photo(given["face_image_base64"], attr="face_image_base64")
        with attempts.searching(caller(request)) as search:
            model, found = comparisons.recognize(
                image=photo.image,
                top_k=given["top_k"],
                named=partial(sight.names, least=given["similarity_threshold"]),
                person_ids=gallery.people_within(caller(request).gallery, among),
                pack=given["model_name"],
            )
            search.found = bool(found)
        matches = [_match(match, sight) for match in found]
        answer = {
            "success": True,
            "matches_found": len(matches),
            "matches": matches,
            "best_match": matches[0] if matches else None,
            "confidence_scores": [_certainty(match, sight) for match in found],
            "model_used": model,
            "processing_time": _since(started),
        }
        return Response(answer)

    @staticmethod
    def _later(given: dict[str, Any], among: GalleryLimit | None, owner: User) -> Response:
        jobs.require_keeping_up(kind="verification")
        search = Search(chosen_pack(given["model_name"]), among, given["top_k"], given["similarity_threshold"])
        chunks = [given["face_image_base64"]]
        return accepted(verifications.submit(owner=owner, chunks=chunks, source="api", search=search))


class AntiSpoofingView(Computing):
    """Say whether a photo shows a live person or a picture of one."""

    costs = {"post": "photo"}
    permission_classes = [role("client", "hr", "admin")]
    refuses = (*PHOTO, *ONE_FACE, *VISION)

    @extend_schema(request=computed.AntiSpoofingInput, responses=computed.AntiSpoofingAnswer)
    def post(self, request: Request) -> Response:
        started = time.monotonic()
        given = _valid(computed.AntiSpoofingInput(data=request.data))
        found = comparisons.attack_check(photo=read_photo(given["image_base64"], attr="image_base64"))
        answer = {
            "success": True,
            "outcome": found.outcome,
            "reasons": found.reasons,
            "attack_score": _rounded(found.score) if caller(request).may("evidence:read") else None,
            "why": found.signals[0].why,
            "model_used": found.signals[0].detector,
            "processing_time": _since(started),
        }
        return Response(answer)


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _detect(still: Still, given: dict[str, Any]) -> dict[str, Any]:
    started = time.monotonic()
    request = AnalysisRequest(
        detector=given["model_name"],
        min_confidence=given["conf_threshold"],
        iou_threshold=given.get("iou_threshold", 0.4),
        max_faces=given["max_faces"],
        use_fallback=given.get("use_fallback", True),
        companions=True,
    )
    (analysis,) = vision().analyze([still.image], request)
    least = given.get("min_quality_threshold", 0.0)
    good = [face for face in analysis.faces if face.quality.score >= least]
    return {
        "success": True,
        "faces_detected": len(good),
        "faces": [_face(face, still.image, landmarks=given.get("return_landmarks", False)) for face in good],
        "faces_below_quality": len(analysis.faces) - len(good),
        "model_used": analysis.detector,
        "processing_time": _since(started),
        "image_info": {"width": still.width, "height": still.height, "channels": still.channels},
    }


def _face(seen: Observation, image: Image, *, landmarks: bool) -> dict[str, Any]:
    """Return a face in pixels of the upright original."""
    grown = 1.0 / image.scale
    quality = seen.quality
    answer: dict[str, Any] = {
        "bbox": {side: round(value * grown, 1) for side, value in asdict(seen.face.box).items()},
        "confidence": _rounded(seen.face.confidence),
        "quality": {
            "score": round(quality.score, 1),
            "needed": PASSING_SCORE,
            "sharpness": _rounded(quality.sharpness),
            "brightness": _rounded(quality.brightness),
            "size": round(quality.eye_distance_px, 1),
            "pose": {angle: round(value, 1) for angle, value in asdict(quality.pose).items()},
            "reasons": list(quality.reasons),
        },
    }
    if landmarks:
        points = seen.face.points68 if seen.face.points68 is not None else seen.face.points5
        answer["landmarks"] = [[round(float(x) * grown, 1), round(float(y) * grown, 1)] for x, y in points]
    return answer


def _match(match: comparisons.Match, sight: Sight) -> dict[str, Any]:
    person = match.hit.person
    return {
        "person_id": person.public_id,
        "person_name": person.full_name,
        "employee_id": person.employee_id,
        "similarity": _rounded(sight.similarity(match.ranked.similarity)),
        "rank": match.ranked.rank,
    }


def _certainty(match: comparisons.Match, sight: Sight) -> float | None:
    return _rounded(sight.confidence(match.ranked.confidence, match.ranked.similarity))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 4)
