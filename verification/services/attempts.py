"""Failed attempts on one person are limited, for each caller and for all together; the only writer of the counts.

NIST SP 800-63B-4, 3.2.3: no more than 5 consecutive failed biometric attempts, then a delay of at least 30 seconds
before each further one, and no more than 50 in all; then face verification ends, and another way to authenticate is
offered. Here each further delay is twice as long, and HR lets the person be verified by face again.

What counts is whether the face came up to the match threshold: a rejection, a score below it, and a found attack count;
a match that waits for a reviewer counts once it is rejected. What was not compared (no face, an unreadable file,
cancelled, our own fault) tells nobody anything and counts nothing. Attempts under way count as if they failed, until
they are done. An approval ends the count of its caller.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Sum
from django.utils import timezone

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.decision.sight import is_match
from heirloom.decision.verification import Outcome
from heirloom.errors import Refusal
from heirloom.vision.types import AttackOutcome
from verification.models import CallerAttempts, FaceAttempts, SearchAttempts, Verification
from verification.querysets import VerificationQuerySet

UNDER_WAY_S = 5
"""After how long to ask again while others of one's attempts are being worked on."""
SEARCHES_WITHIN = timedelta(hours=1)
SHOWN = 20
UNKNOWN_KEPT_FOR = timedelta(days=30)
"""How long claims of nobody are counted after the last one failed; those of a person end with the person."""


@dataclass(frozen=True, slots=True)
class Count:
    """failures: in a row. last_at: when the last was. under_way: attempts that are not done."""

    failures: int
    last_at: datetime | None
    under_way: int


def admit(verification: Verification, caller: User) -> None:
    """Let a new verification of a claim be, in the caller's transaction, or undo it.

    caller: as whom its owner asks. Raises Refusal "too_many_attempts" with how long to wait, or
    "face_verification_suspended".
    """
    if not verification.claim:
        count_search(caller)
        return
    FaceAttempts.objects.get_or_create(claim=verification.claim, defaults={"person_id": verification.person_id})
    held = FaceAttempts.objects.select_for_update(no_key=True).get(claim=verification.claim)
    _refuse_suspended(held)
    for count, most in _limits(held, verification):
        _refuse_too_many(count, most)


def require_open(claim: str, owner: User) -> None:
    """Refuse early, before a file is read, what `admit` would refuse; raises as that does."""
    held = FaceAttempts.objects.filter(claim=claim).first() if claim else None
    if held is None:
        return
    _refuse_suspended(held)
    asked = Verification(claim=claim, owner=owner)
    for count, most in _limits(held, asked):
        _refuse_too_many(count, most)


def note_outcome(verification: Verification) -> None:
    """Count what a verification came to, in the transaction that closes it."""
    if verification.mode == Verification.Mode.IDENTIFICATION:
        _note_search(verification)
    elif verification.outcome == Outcome.APPROVED:
        _succeed(verification)
    elif _failed(verification):
        _fail(verification)


def note_verdict(verification: Verification) -> None:
    """Likewise for what a reviewer said; one that counted as failed is not counted again."""
    if verification.mode == Verification.Mode.IDENTIFICATION:
        return
    if verification.decision == Verification.Decision.APPROVED:
        _succeed(verification)
    elif not _failed(verification):
        _fail(verification)


@transaction.atomic
def release(*, person: Person, actor: User) -> bool:
    """Let a person be verified by face again, and forget the count; say whether there was anything to release."""
    held = FaceAttempts.objects.select_for_update().filter(person=person).first()
    if held is None:
        return False
    was_suspended = held.suspended_at is not None
    held.callers.all().delete()
    held.suspended_at = None
    held.save(update_fields=["suspended_at"])
    audit.record(
        action=Action.FACE_VERIFICATION_RELEASED,
        subject_kind="person",
        subject_id=person.id,
        actor=actor,
        details={"suspended": was_suspended},
    )
    return True


def of_person(person: Person) -> tuple[FaceAttempts | None, int]:
    """Return how things stand with a person, for HR, and how many attempts failed since the last success."""
    held = FaceAttempts.objects.filter(person=person).first()
    return (None, 0) if held is None else (held, _of_all(held).failures)


def suspended() -> Sequence[FaceAttempts]:
    """Return whose verification by face is suspended, the latest first, as many as fit a page."""
    rows = FaceAttempts.objects.filter(suspended_at__isnull=False, person__isnull=False)
    return list(rows.select_related("person").order_by("-suspended_at")[:SHOWN])


def sweep() -> int:
    """Delete the counts of claims of nobody that are long over; return how many."""
    long_ago = timezone.now() - UNKNOWN_KEPT_FOR
    return (
        FaceAttempts.objects.filter(person=None, begun_at__lt=long_ago)
        .exclude(callers__last_failed_at__gt=long_ago)
        .delete()[0]
    )


@contextmanager
def searching(owner: User) -> Iterator["Searching"]:
    """Count a search (1:N) as failed unless the block says that it found somebody, or fails itself.

    Raises Refusal "too_many_attempts".
    """
    count_search(owner)
    search = Searching()
    try:
        yield search
    except BaseException:
        _uncount_search(owner)
        raise
    if search.found:
        _uncount_search(owner)


@dataclass(slots=True)
class Searching:
    """Whether a search that is under way has found somebody."""

    found: bool = False


def count_search(owner: User) -> None:
    """Count a search of a client app as one that found nobody; raises Refusal "too_many_attempts"."""
    if owner.sight.is_staff:
        return
    with transaction.atomic():
        SearchAttempts.objects.get_or_create(owner=owner, defaults={"since": timezone.now()})
        held = SearchAttempts.objects.select_for_update(no_key=True).get(owner=owner)
        now = timezone.now()
        if held.since < now - SEARCHES_WITHIN:
            held.since, held.failures = now, 0
        if held.failures >= settings.SEARCH_FAILURES_PER_HOUR:
            raise Refusal("too_many_attempts", retry_after=_seconds(held.since + SEARCHES_WITHIN - now))
        held.failures += 1
        held.save()


def _note_search(verification: Verification) -> None:
    owner = verification.owner
    counted = owner is not None and (verification.api_key_id is not None or not owner.sight.is_staff)
    found = is_match(verification.similarity) or verification.outcome == Outcome.FAILED
    if owner is not None and counted and found:
        _uncount_search(owner)


def _uncount_search(owner: User) -> None:
    SearchAttempts.objects.filter(owner=owner, failures__gt=0).update(failures=F("failures") - 1)


def _limits(held: FaceAttempts, verification: Verification) -> Iterator[tuple[Count, int]]:
    """Give what is counted and from when on there are delays: of the caller, then of all."""
    yield _of_caller(held, verification), settings.FACE_FAILURES_PER_CALLER
    total = _of_all(held, but=verification)
    if total.failures + total.under_way >= settings.FACE_SUSPENDED_AFTER:
        raise Refusal("too_many_attempts", retry_after=UNDER_WAY_S)
    yield total, settings.FACE_FAILURES_PER_PERSON


def _of_caller(held: FaceAttempts, verification: Verification) -> Count:
    rows = held.callers.filter(owner=verification.owner, last_failed_at__gt=_forgotten())
    return _counted(rows.first(), _under_way(held, verification).filter(owner=verification.owner).count())


def _counted(row: CallerAttempts | None, under_way: int) -> Count:
    return Count(0, None, under_way) if row is None else Count(row.failures, row.last_failed_at, under_way)


def _of_all(held: FaceAttempts, but: Verification | None = None) -> Count:
    found = held.callers.filter(last_failed_at__gt=_forgotten()).aggregate(
        n=Sum("failures"), last=Max("last_failed_at")
    )
    return Count(found["n"] or 0, found["last"], _under_way(held, but).count())


def _under_way(held: FaceAttempts, but: Verification | None) -> VerificationQuerySet:
    rows = Verification.objects.filter(claim=held.claim, outcome="")
    return rows if but is None else rows.exclude(pk=but.pk)


def _refuse_suspended(held: FaceAttempts) -> None:
    if held.suspended_at is not None:
        raise Refusal("face_verification_suspended")


def _refuse_too_many(count: Count, most: int) -> None:
    if count.failures + count.under_way < most:
        return
    if count.under_way:
        raise Refusal("too_many_attempts", retry_after=UNDER_WAY_S)
    waits = (count.last_at or timezone.now()) + _delay(count.failures - most) - timezone.now()
    if waits > timedelta():
        raise Refusal("too_many_attempts", retry_after=_seconds(waits))


def _delay(beyond: int) -> timedelta:
    """Return the delay before the next attempt; twice as long for each one that failed after the first delay."""
    longest = settings.FACE_FAILURE_DELAY_MOST_S
    return timedelta(seconds=min(longest, settings.FACE_FAILURE_DELAY_S * 2 ** min(max(beyond, 0), 30)))


def _failed(verification: Verification) -> bool:
    if verification.outcome == Outcome.REJECTED:
        return True
    measured = verification.similarity is not None
    below = measured and not is_match(verification.similarity)
    return verification.outcome == Outcome.NEEDS_REVIEW and (
        below or verification.attack_outcome == AttackOutcome.ATTACK
    )


def _held(verification: Verification) -> FaceAttempts | None:
    """Lock the counts; None where they went with the person, or where nobody was claimed."""
    if not verification.claim or verification.owner_id is None:
        return None
    return FaceAttempts.objects.select_for_update(no_key=True).filter(claim=verification.claim).first()


def _succeed(verification: Verification) -> None:
    held = _held(verification)
    if held is not None:
        held.callers.filter(owner_id=verification.owner_id).delete()


def _fail(verification: Verification) -> None:
    held = _held(verification)
    if held is None:
        return
    row, is_new = held.callers.get_or_create(
        owner_id=verification.owner_id, defaults={"failures": 1, "last_failed_at": timezone.now()}
    )
    if not is_new:
        row.failures = row.failures + 1 if row.last_failed_at > _forgotten() else 1
        row.last_failed_at = timezone.now()
        row.save()
    if held.suspended_at is None and _of_all(held).failures >= settings.FACE_SUSPENDED_AFTER:
        _suspend(held)


def _suspend(held: FaceAttempts) -> None:
    held.suspended_at = timezone.now()
    held.save(update_fields=["suspended_at"])
    if held.person_id is not None:
        audit.record(
            action=Action.FACE_VERIFICATION_SUSPENDED,
            subject_kind="person",
            subject_id=held.person_id,
            details={"failures": _of_all(held).failures},
        )


def _forgotten() -> datetime:
    return timezone.now() - timedelta(days=settings.FACE_FAILURES_KEPT_DAYS)


def _seconds(wait: timedelta) -> int:
    return max(1, 1 + int(wait.total_seconds()))
