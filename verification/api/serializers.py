"""Comparisons and verifications on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.functional import cached_property
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from heirloom.accounts.models import User
from heirloom.api.examples import PICTURE
from heirloom.api.images import Base64ImageField
from heirloom.api.permissions import caller
from heirloom.decision.attack import REUSE
from heirloom.decision.gestures import Kind
from heirloom.decision.policy import Caveat
from heirloom.decision.sight import Sight
from heirloom.jobs.models import Job, JobState
from verification.api.galleries import GalleryField
from verification.api.shown import DECIDED, AttackAnswer, FrameSerializer, ReviewAnswer
from verification.models import Candidate, Verification
from verification.services.claims import as_told, is_told

GESTURES = [kind.value for kind in Kind]


def one_claim(attrs: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent, if it names the person at most once."""
    if "person_id" in attrs and "employee_id" in attrs:
        raise serializers.ValidationError({"person_id": "Name the person by person_id or by employee_id, not both."})
    return attrs


class VerificationInput(serializers.Serializer[Any]):
    example = {"employee_id": "E-1001", "file": "probe.jpg", "image_base64": PICTURE}

    person_id = serializers.CharField(max_length=128, required=False)
    employee_id = serializers.CharField(max_length=64, required=False)
    file = serializers.FileField(required=False, allow_empty_file=True)
    image_base64 = Base64ImageField(required=False)
    upload_id = serializers.UUIDField(required=False, help_text="A finished upload of the caller's; used up by this.")
    challenge_id = serializers.UUIDField(required=False)
    challenge_nonce = serializers.CharField(max_length=64, required=False)
    gallery = GalleryField(required=False, help_text="Of a search (1:N): whom alone to look for.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "gallery" in attrs and ("person_id" in attrs or "employee_id" in attrs):
            raise serializers.ValidationError({"gallery": "This narrows a search; here a person is named."})
        if ("challenge_id" in attrs) != ("challenge_nonce" in attrs):
            raise serializers.ValidationError({"challenge_nonce": "Send the challenge's id and its nonce together."})
        if sum(name in attrs for name in ("file", "image_base64", "upload_id")) != 1:
            raise serializers.ValidationError({"file": "Send one of file, image_base64 and upload_id."})
        return one_claim(attrs)


class ChallengeInput(serializers.Serializer[Any]):
    example = {"employee_id": "E-1001"}

    kinds = serializers.ListField(child=serializers.ChoiceField(choices=GESTURES), required=False, max_length=len(Kind))
    person_id = serializers.CharField(max_length=128, required=False)
    employee_id = serializers.CharField(max_length=64, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return one_claim(attrs)


class StepAnswer(serializers.Serializer[Any]):
    example = {
        "kind": "turn_right",
        "instruction": "Turn your head to your right, then look straight ahead again.",
        "from_s": 1.5,
        "to_s": 4.0,
    }

    kind = serializers.ChoiceField(choices=GESTURES)
    instruction = serializers.CharField(help_text="To show to the person during this window.")
    from_s = serializers.FloatField(help_text="Seconds from the start of the recording.")
    to_s = serializers.FloatField()


class ChallengeAnswer(serializers.Serializer[Any]):
    example = {"expires_at": "2026-11-26T11:20:58.530203Z"}

    id = serializers.UUIDField()
    nonce = serializers.CharField(help_text="Told this once; send it as challenge_nonce.")
    steps = StepAnswer(many=True)
    expires_at = serializers.DateTimeField(help_text="The clip must have arrived by then.")


class AcceptedAnswer(serializers.Serializer[Any]):
    example = {
        "status": "queued",
        "links": {
            "self": "/api/v1/verifications/5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5/",
            "live": "/ws/v1/verifications/5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5/",
        },
    }

    id = serializers.UUIDField()
    status = serializers.CharField()
    links = serializers.DictField(child=serializers.CharField())


class CandidateSerializer(serializers.ModelSerializer[Candidate]):
    person_id = serializers.CharField(source="person.public_id")
    person_name = serializers.CharField(source="person.full_name")
    employee_id = serializers.CharField(source="person.employee_id", allow_null=True)
    example = {"person_id": "40389cc7-50c5-4b4d-bcf3-be645f975f91"}

    class Meta:
        model = Candidate
        fields = ("rank", "person_id", "person_name", "employee_id", "similarity")


def sees_evidence(user: User) -> bool:
    """Say whether a login may see frames and the scores of the attack check."""
    return user.has_role("reviewer") or user.may("evidence:read")


def _without_measures(signal: Mapping[str, Any]) -> dict[str, Any]:
    """What a signal says, without the numbers and names that would tell an attacker how near it was, and to what."""
    return {**{name: value for name, value in signal.items() if name != "gestures"}, "score": None, "detail": ""}


def _without_source(signal: Mapping[str, Any]) -> dict[str, Any]:
    """What a signal says to a key that may find only some people: where a picture was seen may be with another."""
    return {**signal, "why": ""} if signal["detector"] == REUSE else dict(signal)


def _candidate(one: Candidate, sight: Sight) -> dict[str, Any]:
    return {
        "rank": one.rank,
        "person_id": one.person.public_id,
        "person_name": one.person.full_name,
        "employee_id": one.person.employee_id,
        "similarity": sight.similarity(one.similarity),
    }


_MOMENT = serializers.DateTimeField()


def _moment(at: datetime | None) -> str | None:
    return None if at is None else _MOMENT.to_representation(at)


class VerificationSerializer(serializers.ModelSerializer[Verification]):
    """What the caller may see: of numbers what its Sight says; attack scores and frames need `evidence:read`."""

    status = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    stage = serializers.SerializerMethodField()
    outcome = serializers.CharField(allow_null=True)
    policy_caveats = serializers.ListField(child=serializers.ChoiceField(choices=list(Caveat)))
    person_id = serializers.CharField(source="person.public_id", allow_null=True, default=None)
    attack = serializers.SerializerMethodField()
    candidates = serializers.SerializerMethodField()
    frames = serializers.SerializerMethodField()
    review = serializers.SerializerMethodField()
    example = DECIDED

    class Meta:
        model = Verification
        fields: tuple[str, ...] = (
            "id",
            "mode",
            "status",
            "progress",
            "stage",
            "person_id",
            "outcome",
            "decision",
            "reasons",
            "similarity",
            "confidence",
            "threshold",
            "policy",
            "policy_caveats",
            "model",
            "attack",
            "signals",
            "candidates",
            "frames",
            "timings",
            "review",
            "created_at",
            "finished_at",
            "decided_at",
        )

    @cached_property
    def _sees_evidence(self) -> bool:
        return sees_evidence(self.context["request"].user)

    @cached_property
    def _is_limited(self) -> bool:
        return self.context["request"].user.gallery is not None

    @cached_property
    def _sight(self) -> Sight:
        return caller(self.context["request"]).sight

    @property
    def _sees_measures(self) -> bool:
        return self._sees_evidence and not self._is_limited

    def get_status(self, row: Verification) -> str:
        if row.is_done:
            return "done"
        job = self._job(row)
        return "queued" if job is None or job.state == JobState.QUEUED else "processing"

    def get_progress(self, row: Verification) -> int:
        job = None if row.is_done else self._job(row)
        return 100 if row.is_done else (job.progress if job else 0)

    def get_stage(self, row: Verification) -> str:
        job = None if row.is_done else self._job(row)
        return job.stage if job else ""

    @extend_schema_field(AttackAnswer(allow_null=True))
    def get_attack(self, row: Verification) -> dict[str, Any] | None:
        if not row.attack_outcome:
            return None
        return {"outcome": row.attack_outcome, "score": row.attack_score if self._sees_measures else None}

    @extend_schema_field(CandidateSerializer(many=True))
    def get_candidates(self, row: Verification) -> list[dict[str, Any]]:
        kept = self.context["candidates"].get(row.id, ())
        named = (one for one in kept if self._sight.names(one.similarity, least=row.least_similarity))
        return [_candidate(one, self._sight) for one in named]

    @extend_schema_field(FrameSerializer(many=True))
    def get_frames(self, row: Verification) -> Any:
        frames = row.frames.all() if self._sees_evidence else ()
        return FrameSerializer(frames, many=True, context=self.context).data

    @extend_schema_field(ReviewAnswer(allow_null=True))
    def get_review(self, row: Verification) -> dict[str, Any] | None:
        review = self.context["reviews"].get(row.id)
        if review is None or not review.is_decided:
            return None
        return {"verdict": review.verdict, "reason": review.reason_code, "decided_at": review.decided_at}

    def to_representation(self, row: Verification) -> dict[str, Any]:
        """Write the row out by hand: field by field, a list takes twice as long. The fields above are its schema."""
        shown = {
            "id": str(row.id),
            "mode": row.mode,
            "status": self.get_status(row),
            "progress": self.get_progress(row),
            "stage": self.get_stage(row),
            "person_id": self._person_id(row),
            "outcome": row.outcome or None,
            "decision": row.decision,
            "reasons": row.reasons if self._sight.is_staff else as_told(row.reasons),
            "similarity": self._sight.similarity(row.similarity),
            "confidence": self._sight.confidence(row.confidence, row.similarity),
            "threshold": self._sight.threshold(row.threshold, row.similarity),
            "policy": row.policy,
            "policy_caveats": row.policy_caveats,
            "model": row.model,
            "attack": self.get_attack(row),
            "signals": [self._signal(signal) for signal in row.signals],
            "candidates": self.get_candidates(row),
            "timings": row.timings,
            "review": self.get_review(row),
            "created_at": _moment(row.created_at),
            "finished_at": _moment(row.finished_at),
            "decided_at": _moment(row.decided_at),
        }
        return shown if "frames" not in self.Meta.fields else {**shown, "frames": self.get_frames(row)}

    def _person_id(self, row: Verification) -> str | None:
        told = row.person is not None and (self._sight.is_staff or is_told(row))
        return row.person.public_id if row.person is not None and told else None

    def _signal(self, signal: Mapping[str, Any]) -> dict[str, Any]:
        told = dict(signal) if self._sees_measures else _without_measures(signal)
        return _without_source(told) if self._is_limited else told

    def _job(self, row: Verification) -> Job | None:
        return self.context["jobs"].get(row.id)  # type: ignore[no-any-return]


class VerificationRowSerializer(VerificationSerializer):
    """A verification in a list: without its frames, which its own address shows."""

    class Meta(VerificationSerializer.Meta):
        fields = tuple(name for name in VerificationSerializer.Meta.fields if name != "frames")
