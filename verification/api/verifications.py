"""/verifications/: submit a probe, follow it, read the result."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from heirloom.accounts.models import User
from heirloom.api.idempotent import Idempotent
from heirloom.api.parsers import JSONParser, MultiPartParser
from heirloom.api.permissions import caller, role
from heirloom.api.refusals import FILE, SEALED, UPLOAD
from heirloom.decision.verification import Outcome
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.live.reading import address
from heirloom.reviews.models import Review
from heirloom.uploads import services as uploads
from heirloom.uploads.models import Upload
from verification.api import frame_links
from verification.api import serializers as wire
from verification.api.filters import VerificationFilters, narrowed
from verification.api.galleries import asked_gallery
from verification.models import Candidate, Challenge, Verification
from verification.querysets import VerificationQuerySet
from verification.services import challenges, claims, evidence, verifications
from verification.services.claims import Claim
from verification.services.searches import Search

READERS = role("client", "hr", "reviewer", "admin")
MAKERS = role("client", "hr", "admin")


class VerificationViewSet(
    Idempotent,
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Verification],
):
    """Verifications (1:1) and identifications (1:N)."""

    queryset = Verification.objects.all()
    serializer_class = wire.VerificationSerializer
    costs = {"create": "verification"}
    parser_classes = [JSONParser, MultiPartParser]
    permission_classes = [READERS]
    refuses = {
        "create": (
            *FILE,
            *UPLOAD,
            "invalid_image",
            "invalid_gallery",
            "not_found",
            "person_suspended",
            "too_many_attempts",
            "face_verification_suspended",
            "challenge_used",
            "challenge_expired",
            "challenge_person_differs",
            "challenge_needs_clip",
            "key_unavailable",
            "queue_too_old",
        ),
        "list": ("validation_error",),
        "cancel": ("already_decided",),
        "frame": ("link_expired", *SEALED),
    }

    def get_permissions(self) -> list[BasePermission]:
        return [(READERS if self.request.method in SAFE_METHODS else MAKERS)()]

    def get_queryset(self) -> VerificationQuerySet:
        rows = Verification.objects.visible_to(caller(self.request)).for_answers()
        return narrowed(rows, self.request.query_params, caller(self.request)) if self.action == "list" else rows

    def get_serializer_class(self) -> type[wire.VerificationSerializer]:
        return wire.VerificationRowSerializer if self.action == "list" else wire.VerificationSerializer

    @extend_schema(parameters=[VerificationFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List verifications, the newest first: a client app its own, others all."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response(self._shown(page))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Follow a verification: its progress while it is worked on, then what came of it.

        `outcome` is the machine's and never changes; `decision` includes the reviewer's. Scores of the attack check and
        frames need the scope `evidence:read`.
        """
        return Response(self._shown([self.get_object()])[0])

    @extend_schema(
        request={"multipart/form-data": wire.VerificationInput, "application/json": wire.VerificationInput},
        responses={202: wire.AcceptedAnswer},
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Verify or identify a person by a photo or clip: taken now, worked on at once, followed at `links.self`.

        `person_id` or `employee_id` says who it should be (1:1); neither looks through all who are enrolled (1:N),
        which a client app needs the scope `identify` for. A client app is not told whether there is such a person: an
        id that is nobody's is taken, and rejected, like a face that does not match. Attempts that fail are limited.
        """
        jobs.require_keeping_up(kind="verification")
        given = wire.VerificationInput(data=request.data)
        given.is_valid(raise_exception=True)
        claim = claimed(given.validated_data, caller(request))
        challenge = _challenge(given.validated_data, caller(request), claim)
        upload = _upload(given.validated_data, caller(request))
        row = verifications.submit(
            owner=caller(request),
            chunks=_chunks(given.validated_data) if upload is None else uploads.read(upload),
            source="api",
            claim=claim,
            challenge=challenge,
            taken_from=upload,
            search=Search(among=asked_gallery(given.validated_data, caller(request))),
        )
        return accepted(row)

    @extend_schema(request=None, responses=wire.VerificationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel a verification that is not done: its work stops and what was sent is destroyed."""
        verifications.cancel(verification=self.get_object(), actor=caller(request))
        return self.retrieve(request, pk=pk)

    @extend_schema(
        parameters=[OpenApiParameter(frame_links.QUERY, required=True, description="As in the frame's link.")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY},
    )
    @action(detail=True, url_path=r"frames/(?P<number>[0-9]{1,4})")
    def frame(self, request: Request, pk: str, number: str) -> HttpResponse:
        """Show one frame of the evidence, by a link of the last minute.

        The verification gives such a link to each caller who reads it, for that caller alone; each look is written into
        the audit log.
        """
        if not wire.sees_evidence(caller(request)):
            raise Refusal("not_found")
        frame = get_object_or_404(self.get_object().frames, number=int(number))
        frame_links.require(
            request.query_params.get(frame_links.QUERY, ""), frame.verification_id, frame.number, caller(request)
        )
        shown = evidence.read_frame(frame=frame, viewer=caller(request))
        return HttpResponse(shown, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    def _shown(self, rows: Sequence[Verification]) -> Sequence[Any]:
        working = [row.id for row in rows if not row.is_done]
        doubtful = [row.id for row in rows if row.outcome == Outcome.NEEDS_REVIEW]
        searches = [row.id for row in rows if row.mode == Verification.Mode.IDENTIFICATION]
        under_way = Job.objects.filter(kind="verification", subject_id__in=working).order_by("created_at")
        reviews = Review.objects.filter(kind="verification", subject_id__in=doubtful)
        candidates: dict[uuid.UUID, list[Candidate]] = defaultdict(list)
        for candidate in Candidate.objects.filter(verification__in=searches).select_related("person"):
            candidates[candidate.verification_id].append(candidate)
        context = {
            **self.get_serializer_context(),
            "jobs": {job.subject_id: job for job in under_way},
            "reviews": {review.subject_id: review for review in reviews},
            "candidates": candidates,
        }
        return list(self.get_serializer_class()(rows, many=True, context=context).data)


def accepted(row: Verification) -> Response:
    """Answer 202 with the address where the verification is followed."""
    link = reverse("verification-detail", args=[row.id])
    job = jobs.latest(kind="verification", subject_id=row.id)
    links = {"self": link, "live": address("verification", row.id)}
    links |= {"job": reverse("job", args=[job.id])} if job else {}
    answer = {"id": row.id, "status": "queued", "links": links}
    return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": link})


def _chunks(given: dict[str, Any]) -> Iterable[bytes]:
    return given["file"].chunks() if "file" in given else [given["image_base64"]]


def _upload(given: dict[str, Any], caller: User) -> Upload | None:
    return uploads.find(owner=caller, upload_id=given["upload_id"]) if "upload_id" in given else None


def of_challenge(claim: Claim | None) -> dict[str, Any]:
    """Return whom a challenge is for, as the challenges' own service asks."""
    if claim is None:
        return {"person": None}
    return {"person": claim.person, "claim": "" if claim.person else claim.token}


def _challenge(given: dict[str, Any], caller: User, claim: Claim | None) -> Challenge | None:
    if "challenge_id" not in given:
        return None
    return challenges.find(
        owner=caller, challenge_id=given["challenge_id"], nonce=given["challenge_nonce"], **of_challenge(claim)
    )


def claimed(given: dict[str, Any], caller: User) -> Claim | None:
    """Return whom the caller names; None for 1:N, which a client app needs the scope `identify` for.

    Whom an API key may not find is not there for it. Raises Refusal "permission_denied"; for staff, who are told,
    "not_found" or "person_suspended".
    """
    for name in ("person_id", "employee_id"):
        if name in given:
            return claims.make(caller=caller, name=name, reference=given[name])
    if not caller.may("identify"):
        raise Refusal("permission_denied", "This client may not search the whole gallery; name a person.")
    return None
