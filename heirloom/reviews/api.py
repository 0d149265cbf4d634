"""/reviews/: the queue for reviewers."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from heirloom.api.pagination import Pages
from heirloom.api.permissions import caller, role
from heirloom.decision.sight import DIGITS
from heirloom.reviews import services
from heirloom.reviews.models import Review
from heirloom.reviews.querysets import ReviewQuerySet


class ReviewSerializer(serializers.ModelSerializer[Review]):
    verification = serializers.SerializerMethodField()
    risk = serializers.SerializerMethodField(help_text="0 to 1, in two digits.")
    age = serializers.SerializerMethodField(help_text="Seconds since the case was opened.")
    claimed_by = serializers.CharField(source="claimed_by.username", allow_null=True, default=None)
    reason = serializers.CharField(source="reason_code")
    example = {
        "kind": "verification",
        "verification": "5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5",
        "subject_id": "5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5",
        "reasons": ["attack_check_inconclusive"],
        "verdict": "",
        "reason": "",
    }

    class Meta:
        model = Review
        fields = (
            "id", "kind", "verification", "subject_id", "reasons", "risk", "age", "claimed_by", "due_at",
            "verdict", "reason", "comment", "decided_at",
        )  # fmt: skip

    def get_verification(self, row: Review) -> str | None:
        return str(row.subject_id) if row.kind == "verification" else None

    def get_risk(self, row: Review) -> float:
        """Of a possible duplicate and of a suspected attack it is made of a score."""
        return round(row.risk, DIGITS)

    def get_age(self, row: Review) -> int:
        return int((timezone.now() - row.created_at).total_seconds())


class VerdictInput(serializers.Serializer[Any]):
    example = {"verdict": "approved", "reason": "identity_checked_in_person"}

    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    reason = serializers.ChoiceField(choices=Review.ReasonCode.choices)
    comment = serializers.CharField(max_length=2000, default="", allow_blank=True)


class OldestFirst(Pages):
    page_size = 50
    ordering = ("created_at", "id")


class ReviewViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Review]):
    """Cases that wait for a human."""

    queryset = Review.objects.all()
    serializer_class = ReviewSerializer
    permission_classes = [role(*services.DECIDING_ROLES)]
    pagination_class = OldestFirst
    refuses = {
        "claim": ("already_decided", "claimed_by_another", "own_request"),
        "release": ("already_decided", "claimed_by_another"),
        "verdict": ("already_decided", "claimed_by_another", "not_found", "not_enrolled", "own_request"),
    }

    def get_queryset(self) -> ReviewQuerySet:
        rows = Review.objects.select_related("claimed_by")
        return rows.open() if self.action == "list" else rows

    @extend_schema(request=None, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        """Claim a case, so that nobody else works on it."""
        return self._answer(services.claim(review_id=self.get_object().id, reviewer=caller(request)))

    @extend_schema(request=None, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Give a claimed case back to the queue."""
        return self._answer(services.release(review_id=self.get_object().id, reviewer=caller(request)))

    @extend_schema(request=VerdictInput, responses=ReviewSerializer)
    @action(detail=True, methods=["post"])
    def verdict(self, request: Request, pk: str) -> Response:
        """Decide a case, for good: approved or rejected, and why."""
        given = VerdictInput(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        review = services.decide(
            review_id=self.get_object().id,
            reviewer=caller(request),
            verdict=said["verdict"],
            reason_code=said["reason"],
            comment=said["comment"],
        )
        return self._answer(review)

    def _answer(self, review: Review) -> Response:
        return Response(ReviewSerializer(review).data)
