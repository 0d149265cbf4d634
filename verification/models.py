"""What was compared and decided."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from enrollment.models import Capture, Person
from heirloom.accounts.limits import GalleryLimit
from heirloom.api.models import ApiKey
from heirloom.decision.challenge import Step, schedule
from heirloom.decision.gestures import Kind
from heirloom.decision.verification import Outcome
from verification.querysets import ChallengeQuerySet, VerificationQuerySet

CANDIDATES_KEPT = 5


class Verification(models.Model):
    """One 1:1 (verification) or 1:N (identification) transaction."""

    class Mode(models.TextChoices):
        VERIFICATION = "verification", "1:1"
        IDENTIFICATION = "identification", "1:N"

    class Decision(models.TextChoices):
        PENDING = "pending", "Pending"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # The key that the request came with: it says whom a 1:N search may find, so it outlives no search without it.
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+")
    mode = models.CharField(max_length=16, choices=Mode)
    # What a search was asked for: by which pack ("" = the active one), among whom, how many, how alike.
    pack = models.CharField(max_length=80, blank=True)
    searched_ids = ArrayField(models.UUIDField(), null=True)
    searched_departments = ArrayField(models.CharField(max_length=120), null=True)
    top_k = models.PositiveSmallIntegerField(default=CANDIDATES_KEPT)
    least_similarity = models.FloatField(default=0.0)
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="verifications")
    # Who was claimed (services.claims): the same for the same claim, be it of somebody or of nobody; "" in a search.
    claim = models.CharField(max_length=64, blank=True)
    capture = models.ForeignKey(Capture, models.SET_NULL, null=True, related_name="+")
    model = models.CharField(max_length=64, blank=True)
    policy = models.CharField(max_length=80, blank=True)
    # What was to be known of whom that policy fails (decision.policy.Caveat), as it stood.
    policy_caveats = ArrayField(models.CharField(max_length=40), default=list)
    score = models.FloatField(null=True)
    similarity = models.FloatField(null=True)
    threshold = models.FloatField(null=True)
    confidence = models.FloatField(null=True)
    reference_count = models.PositiveSmallIntegerField(default=0)
    frame_count = models.PositiveSmallIntegerField(default=0)
    attack_outcome = models.CharField(max_length=16, blank=True)
    attack_score = models.FloatField(null=True)
    # What ran and what could not: [{name, outcome, score, why}].
    signals = models.JSONField(default=list)
    outcome = models.CharField(max_length=16, choices=[(o.value, o.value) for o in Outcome], blank=True)
    decision = models.CharField(max_length=16, choices=Decision, default=Decision.PENDING)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    timings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    objects = VerificationQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["-created_at", "-id"]),
            models.Index(fields=["owner", "-created_at"]),
            # Whatever a list is filtered by, however few there are of it: the newest first.
            *(models.Index(fields=[by, "-created_at", "-id"]) for by in ("outcome", "decision", "mode")),
            GinIndex(name="verification_reasons", fields=["reasons"]),
            models.Index(fields=["claim"], condition=Q(outcome="") & ~Q(claim=""), name="claims_under_way"),
            models.Index(fields=["owner", "claim"], condition=~Q(claim=""), name="claims_of_a_caller"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(decision="approved") | Q(outcome__in=["approved", "needs_review"]),
                name="approved_only_by_match_or_review",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} {self.id}"

    @property
    def searched(self) -> GalleryLimit | None:
        """Whom alone the caller asked to find; None for whomever it may find."""
        if self.searched_ids is None and self.searched_departments is None:
            return None
        return GalleryLimit(frozenset(self.searched_ids or ()), frozenset(self.searched_departments or ()))

    @property
    def outcome_words(self) -> str:
        """The machine's outcome as people read it."""
        return self.outcome.replace("_", " ").capitalize() or "In progress"

    @property
    def is_done(self) -> bool:
        return bool(self.outcome)


class Candidate(models.Model):
    """One ranked person of a 1:N result."""

    verification = models.ForeignKey(Verification, models.CASCADE, related_name="candidates")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    rank = models.PositiveSmallIntegerField()
    score = models.FloatField()
    similarity = models.FloatField(null=True)

    class Meta:
        ordering = ("rank",)
        constraints = [models.UniqueConstraint(fields=["verification", "rank"], name="one_candidate_per_rank")]


def frame_place(verification_id: uuid.UUID, number: int) -> str:
    return f"frames/{verification_id}/{number}"


class EvidenceFrame(models.Model):
    """One chosen frame of the capture, kept as an encrypted JPEG under the capture's key."""

    verification = models.ForeignKey(Verification, models.CASCADE, related_name="frames")
    number = models.PositiveSmallIntegerField()
    at_s = models.FloatField(null=True)
    box = models.JSONField(null=True)
    quality = models.FloatField(null=True)
    attack_score = models.FloatField(null=True)
    similarity = models.FloatField(null=True)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    storage_name = models.CharField(max_length=200)

    class Meta:
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["verification", "number"], name="one_frame_per_number")]

    @property
    def file_place(self) -> str:
        """What its file's name must begin with, whatever `storage_name` says (crypto.files)."""
        return frame_place(self.verification_id, self.number)


class EvidenceClip(models.Model):
    """The copy of a received clip that a reviewer plays, and its poster, encrypted under the capture's key.

    The row stands as soon as the copy is promised; made_at, or the reason why there is none, comes with the work.
    """

    verification = models.OneToOneField(Verification, models.CASCADE, related_name="clip", primary_key=True)
    reason = models.CharField(max_length=40, blank=True)
    promised_at = models.DateTimeField(auto_now_add=True)
    made_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reason="") | Q(made_at=None), name="evidence_clip_made_or_not"),
        ]

    @property
    def is_settled(self) -> bool:
        return self.made_at is not None or bool(self.reason)

    @property
    def clip_name(self) -> str:
        """The file of the copy; named after its verification, so that whoever erases that need not know more."""
        return f"clips/{self.verification_id}"

    @property
    def poster_name(self) -> str:
        return f"posters/{self.verification_id}"

    @property
    def file_names(self) -> tuple[str, str]:
        return self.clip_name, self.poster_name


class Challenge(models.Model):
    """Gestures that one caller was asked to have shown, once and soon, for one person or (1:N) for whoever it is.

    Its times of use and issue bound when the clip can have been recorded. The nonce is kept as its SHA-256 alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    # As in Verification.
    claim = models.CharField(max_length=64, blank=True)
    verification = models.OneToOneField(Verification, models.CASCADE, null=True, related_name="challenge")
    kinds = ArrayField(models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in Kind]))
    nonce_sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        indexes = [
            *(models.Index(fields=[*of, "issued_at"]) for of in (["owner", "person"], ["owner"], ["person"])),
            models.Index(fields=["expires_at"]),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(used_at__gte=F("issued_at"), used_at__lt=F("expires_at")),
                name="challenge_used_in_time",
            )
        ]

    @property
    def steps(self) -> tuple[Step, ...]:
        return schedule([Kind(kind) for kind in self.kinds])


class FaceAttempts(models.Model):
    """What is counted of one claim, be it of a person or of an id that is nobody's; locked while that is done."""

    claim = models.CharField(max_length=64, primary_key=True)
    person = models.OneToOneField(Person, models.CASCADE, null=True, related_name="face_attempts")
    suspended_at = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(auto_now_add=True)


class CallerAttempts(models.Model):
    """How many attempts of one caller on one claim failed in a row."""

    attempts = models.ForeignKey(FaceAttempts, models.CASCADE, related_name="callers")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    failures = models.PositiveIntegerField()
    last_failed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempts", "owner"], name="one_count_per_claim_and_caller")]


class SearchAttempts(models.Model):
    """How many searches of one caller found nobody, in the hour that began at `since`."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", primary_key=True)
    since = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
