"""The only writers of reviews.

What a verdict does to its subject is the business of the handler named in REVIEW_KINDS, which returns the login whose
request the case is about; None where no client app need know.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal
from heirloom.reviews.cases import case_kind
from heirloom.reviews.models import Review
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import EventType

DUE_IN = timedelta(hours=24)
CLAIM_LASTS = timedelta(minutes=30)
DECIDING_ROLES = ("reviewer", "admin")


def open_review(*, kind: str, subject_id: uuid.UUID, reasons: tuple[str, ...], risk: float) -> Review:
    """Put a case into the queue, once for each (kind, subject). Runs in the caller's transaction."""
    review, is_new = Review.objects.get_or_create(
        kind=kind,
        subject_id=subject_id,
        defaults={
            "reasons": list(reasons),
            "risk": min(max(risk, 0.0), 1.0),
            "due_at": timezone.now() + DUE_IN,
            "askers": sorted(case_kind(kind).askers(subject_id)),
        },
    )
    if is_new:
        audit.record(
            action=Action.REVIEW_OPENED, subject_kind=kind, subject_id=subject_id, details={"reasons": list(reasons)}
        )
    return review


@transaction.atomic
def claim(*, review_id: uuid.UUID, reviewer: User) -> Review:
    """Take a case for half an hour.

    Raises Refusal "already_decided", "claimed_by_another" or "own_request".
    """
    review = _locked(review_id)
    _refuse_if_not_free(review, reviewer)
    _refuse_asker(review, reviewer)
    if review.claimed_by_id != reviewer.pk:
        audit.record(
            action=Action.REVIEW_CLAIMED,
            subject_kind=review.kind,
            subject_id=review.subject_id,
            actor=reviewer,
            # Whose claim ran out, where this takes a case over from somebody.
            details={"before": {"claimed_by": review.claimed_by_id}, "after": {"claimed_by": reviewer.pk}},
        )
    review.claimed_by, review.claimed_at = reviewer, timezone.now()
    review.save(update_fields=["claimed_by", "claimed_at"])
    return review


@transaction.atomic
def release(*, review_id: uuid.UUID, reviewer: User) -> Review:
    review = _locked(review_id)
    _refuse_if_not_free(review, reviewer)
    review.claimed_by = review.claimed_at = None
    review.save(update_fields=["claimed_by", "claimed_at"])
    audit.record(action=Action.REVIEW_RELEASED, subject_kind=review.kind, subject_id=review.subject_id, actor=reviewer)
    return review


@transaction.atomic
def decide(*, review_id: uuid.UUID, reviewer: User, verdict: str, reason_code: str, comment: str = "") -> Review:
    """Decide a case, finally.

    Raises Refusal "already_decided", "claimed_by_another", "own_request" or "validation_error" (unknown verdict or
    reason, a reason that speaks for the other verdict, or "other" without a comment).
    """
    review = _locked(review_id)
    _refuse_if_not_free(review, reviewer)
    _refuse_asker(review, reviewer)
    _validate(review.kind, verdict, reason_code, comment)
    review.verdict, review.reason_code, review.comment = verdict, reason_code, comment
    review.decided_by, review.decided_at = reviewer, timezone.now()
    review.save()
    audit.record(
        action=Action.REVIEW_DECIDED,
        subject_kind=review.kind,
        subject_id=review.subject_id,
        actor=reviewer,
        details={"verdict": verdict, "reason": reason_code},
    )
    carry_out: Callable[[Review], User | None] = import_string(settings.REVIEW_KINDS[review.kind])
    webhooks.emit(EventType.REVIEW_DECIDED, _told(review), about=carry_out(review))
    return review


def may_decide(review: Review, reviewer: User) -> bool:
    """Whether this login is none of those who asked."""
    return reviewer.pk not in {*review.askers, *case_kind(review.kind).askers(review.subject_id)}


def deciders() -> QuerySet[User]:
    """Return the logins that may decide cases, of others than themselves."""
    by_role = Q(is_superuser=True) | Q(groups__name__in=DECIDING_ROLES)
    return User.objects.filter(by_role, is_active=True).distinct()


def nobody_may_decide() -> int:
    """Return how many cases wait though every login that decides is one of those who asked for them."""
    ids = set(deciders().values_list("pk", flat=True))
    return sum(ids <= set(askers) for askers in Review.objects.open().values_list("askers", flat=True))


def holder(review: Review) -> User | None:
    """Return who holds a case now; a claim ends by itself after CLAIM_LASTS."""
    held = review.claimed_at is not None and review.claimed_at > timezone.now() - CLAIM_LASTS
    return review.claimed_by if held and not review.is_decided else None


def _told(review: Review) -> dict[str, object]:
    """Return what a webhook is told of a decided case: never the comment, which may name somebody."""
    return {
        "review_id": review.id,
        "kind": review.kind,
        "subject_id": review.subject_id,
        "verdict": review.verdict,
        "reason": review.reason_code,
    }


def _locked(review_id: uuid.UUID) -> Review:
    review = Review.objects.select_for_update().filter(pk=review_id).first()
    if review is None:
        raise Refusal("not_found")
    return review


def _refuse_if_not_free(review: Review, reviewer: User) -> None:
    if review.is_decided:
        raise Refusal("already_decided")
    held_by = holder(review)
    if held_by is not None and held_by.pk != reviewer.pk:
        raise Refusal("claimed_by_another")


def _refuse_asker(review: Review, reviewer: User) -> None:
    """Add who asked since the case was opened, by a table handed in again or a key made anew, and refuse them all."""
    asking = {*review.askers, *case_kind(review.kind).askers(review.subject_id)}
    if asking != set(review.askers):
        review.askers = sorted(asking)
        if review.claimed_by_id in asking:
            review.claimed_by = review.claimed_at = None
        review.save(update_fields=["askers", "claimed_by", "claimed_at"])
    if reviewer.pk in asking:
        raise Refusal("own_request")


def _validate(kind: str, verdict: str, reason_code: str, comment: str) -> None:
    if verdict not in Review.Verdict.values:
        raise Refusal("validation_error", "Say approved or rejected.", attr="verdict")
    if reason_code not in Review.ReasonCode.values:
        raise Refusal("validation_error", f"Choose one of {', '.join(Review.ReasonCode.values)}.", attr="reason")
    if reason_code not in case_kind(kind).reasons[verdict]:
        raise Refusal("validation_error", f"This reason does not speak for {verdict}.", attr="reason")
    if reason_code == Review.ReasonCode.OTHER and not comment.strip():
        raise Refusal("validation_error", "Say the other reason in the comment.", attr="comment")
