"""The audit log: who did what to whom, each event chained to the one before it and vouched for by a key."""

import uuid

from django.db import models


class Action(models.TextChoices):
    """The code of what was done. Codes are part of the log's meaning: add, never rename."""

    PERSON_CREATED = "person.created"
    PERSON_UPDATED = "person.updated"
    PERSON_ENROLLED = "person.enrolled"
    PERSON_EXPORTED = "person.exported"
    PERSON_ERASED = "person.erased"
    PERSON_ERASURE_COMPLETED = "person.erasure_completed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    IMPORT_REQUESTED = "import.requested"
    IMPORT_RETRIED = "import.retried"
    IMPORT_CANCELLED = "import.cancelled"
    CAPTURE_RECEIVED = "capture.received"
    CAPTURE_OFFERED = "capture.offered"
    CAPTURE_FETCHED = "capture.fetched"
    TEMPLATE_RETIRED = "template.retired"
    VERIFICATION_REQUESTED = "verification.requested"
    VERIFICATION_DECIDED = "verification.decided"
    CHALLENGE_ISSUED = "challenge.issued"
    CHALLENGE_USED = "challenge.used"
    REVIEW_OPENED = "review.opened"
    REVIEW_CLAIMED = "review.claimed"
    REVIEW_RELEASED = "review.released"
    REVIEW_DECIDED = "review.decided"
    FACE_VERIFICATION_SUSPENDED = "face_verification.suspended"
    FACE_VERIFICATION_RELEASED = "face_verification.released"
    EVIDENCE_VIEWED = "evidence.viewed"
    SIGN_IN_SUCCEEDED = "sign_in.succeeded"
    SIGN_IN_FAILED = "sign_in.failed"
    SIGN_IN_LOCKED = "sign_in.locked"
    SIGN_IN_LIMITED = "sign_in.limited"
    SIGN_IN_ENDED = "sign_in.ended"
    SIGN_IN_UNLOCKED = "sign_in.unlocked"
    TOKEN_REUSED = "token.reused"  # noqa: S105  # the code of an act
    SESSION_ENDED = "session.ended"
    REAUTHENTICATED = "session.reauthenticated"
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SECOND_FACTOR_RESET = "second_factor.reset"
    RECOVERY_CODES_MADE = "second_factor.recovery_codes_made"
    RECOVERY_CODE_USED = "second_factor.recovery_code_used"
    LOGIN_CREATED = "login.created"
    LOGIN_ROLES_CHANGED = "login.roles_changed"
    LOGIN_CHANGED = "login.changed"
    LOGIN_DISABLED = "login.disabled"
    LOGIN_ENABLED = "login.enabled"
    LOGIN_DELETED = "login.deleted"
    PASSWORD_CHANGED = "login.password_changed"  # noqa: S105  # the code of an act
    PASSWORD_SET = "login.password_set"  # noqa: S105  # the code of an act
    ROLE_PERMISSIONS_CHANGED = "role.permissions_changed"
    WRITTEN_PAST_SERVICE = "login.written_past_service"
    API_KEY_CREATED = "api_key.created"
    API_KEY_UPDATED = "api_key.updated"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_REVOKED = "api_key.revoked"
    API_KEY_REFUSED = "api_key.refused"
    KEYS_ROTATED = "keys.rotated"
    AUDIT_KEYED = "audit.keyed"
    AUDIT_EPOCH_BEGAN = "audit.epoch_began"
    AUDIT_ANCHORED_ANEW = "audit.anchored_anew"
    AUDIT_EXPORTED = "audit.exported"
    SETTINGS_CHANGED = "settings.changed"
    POLICY_ACTIVATED = "policy.activated"
    PACK_ACTIVATED = "pack.activated"
    MODELS_PULLED = "models.pulled"
    TRUST_REPORTED = "trust.reported"
    TRUST_DRIFTED = "trust.drifted"
    TRUST_BASELINE_BEGUN = "trust.baseline_begun"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_UPDATED = "webhook.updated"
    WEBHOOK_ROTATED = "webhook.rotated"
    WEBHOOK_REVOKED = "webhook.revoked"
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_REPLAYED = "webhook.replayed"


def action_choices() -> list[tuple[str, str]]:
    """Return the codes with their words; a function, so that a code more needs no migration."""
    return Action.choices


class AuditEvent(models.Model):
    """One event. `sequence` runs from 1 without gaps; the database refuses to change or delete a row.

    It carries ids and codes only, never a name, so erasing a person leaves nothing here that tells who it was.
    """

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor_kind = models.TextField()
    actor_id = models.TextField(blank=True)
    action = models.TextField(choices=action_choices)
    subject_kind = models.TextField()
    subject_id = models.UUIDField()
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    # Whose key of the ring the code in `mac` was made with; both empty where the event is older than keyed events.
    key_id = models.CharField(max_length=64, blank=True, default="")
    mac = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        indexes = (
            models.Index(name="audit_event_subject", fields=("subject_id", "sequence")),
            models.Index(name="audit_event_actor", fields=("actor_kind", "actor_id", "sequence")),
            models.Index(name="audit_event_action", fields=("action", "sequence")),
        )
        constraints = (models.CheckConstraint(name="audit_event_sequence", condition=models.Q(sequence__gte=1)),)

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"


class Installation(models.Model):
    """The number that anchors name, so that those of one installation are not taken for another's. One row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.id)


class AnchorState(models.Model):
    """How far the log was anchored at one place, and what came of the last attempt there.

    What a place holds is the truth; this only says when to write again, and what to tell of it.
    """

    place = models.TextField(primary_key=True)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)
    anchored_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    # A code of heirloom.audit.anchors.anchor.Fault; empty where the last attempt was good.
    failure = models.TextField(blank=True)
    failures = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.place} to {self.sequence}"
