"""The parts of a verification as they are shown."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from heirloom.api.permissions import caller
from heirloom.reviews.models import Review
from heirloom.vision.gates import PASSING_SCORE
from heirloom.vision.types import AttackOutcome
from verification.api import frame_links
from verification.models import EvidenceFrame

ATTACK_OUTCOMES = [AttackOutcome.BONA_FIDE.value, AttackOutcome.ATTACK.value, AttackOutcome.INCONCLUSIVE.value]
# The example of a verification: a match that a reviewer approved.
DECIDED = {
    "person_id": "40389cc7-50c5-4b4d-bcf3-be645f975f91",
    "outcome": "needs_review",
    "decision": "approved",
    "reasons": ["attack_check_inconclusive"],
    "threshold": 0.96602,
    "signals": [
        {"detector": "minifasnet", "outcome": "inconclusive", "why": "not_installed", "score": None, "detail": ""},
        {"detector": "injection", "outcome": "clear", "why": "", "score": None, "detail": ""},
        {"detector": "reuse", "outcome": "clear", "why": "", "score": None, "detail": ""},
    ],
    "candidates": [],
    "timings": {"decode_s": 0.051, "analyze_s": 0.212, "first_frame_s": 0.263},
    "decided_at": "2026-11-26T11:21:03.128441Z",
}


class FrameSerializer(serializers.ModelSerializer[EvidenceFrame]):
    similarity = serializers.SerializerMethodField()
    quality_needed = serializers.SerializerMethodField(help_text="What quality is good enough.")
    link = serializers.SerializerMethodField(help_text="Where its picture is: for a minute, for this caller alone.")
    example = {
        "box": {"x": 144.7, "y": 128.9, "width": 165.4, "height": 166.3},
        "attack_score": None,
        "similarity": 0.9,
        "link": "/api/v1/verifications/5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5/frames/0/?token=WyI1YTBhZTE3Ny1m...",
    }

    class Meta:
        model = EvidenceFrame
        fields = (
            "number", "at_s", "box", "quality", "quality_needed", "attack_score", "similarity", "reasons",
            "width", "height", "link",
        )  # fmt: skip

    @extend_schema_field(serializers.FloatField(allow_null=True))
    def get_similarity(self, frame: EvidenceFrame) -> float | None:
        return caller(self.context["request"]).sight.similarity(frame.similarity)

    def get_quality_needed(self, _: EvidenceFrame) -> float:
        return PASSING_SCORE

    def get_link(self, frame: EvidenceFrame) -> str:
        return frame_links.link(frame.verification_id, frame.number, self.context["request"].user)


class AttackAnswer(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=ATTACK_OUTCOMES)
    score = serializers.FloatField(allow_null=True)
    example = {"outcome": "inconclusive", "score": None}


class ReviewAnswer(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    reason = serializers.CharField()
    decided_at = serializers.DateTimeField()
    example = {
        "verdict": "approved",
        "reason": "identity_checked_in_person",
        "decided_at": "2026-11-26T11:21:03.128441Z",
    }
