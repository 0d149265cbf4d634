"""Challenges: issued to one caller about one person, used once, in time; the only writer of their rows."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Person
from enrollment.services.people import locked
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.decision.challenge import FEWEST_KINDS, HEAD, draw
from heirloom.decision.gestures import Kind
from heirloom.errors import Refusal
from heirloom.jobs.vision import vision
from verification.models import Challenge, Verification
from verification.querysets import ChallengeQuerySet

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PER_CALLER_AND_PERSON = ((10, HOUR), (20, DAY))
PER_PERSON = ((15, HOUR), (30, DAY))
"""How many may be issued about one person: to one caller, who cannot use up what others may ask for, and in all.

Whoever holds a recording asks for challenges until one fits it: one of 1024 with the default kinds, and never of fewer
than decision.challenge.FEWEST_WAYS. At 20 a day one caller needs 51 days on average, at 30 a day all callers together
34; within a week the chance is 13 % and 19 %, 1 - (1 - 1/1024) ** n. What was issued counts, whatever became of it: a
challenge that is used up with a stub, cancelled, or answered by a clip of another one leaves the count as it was.
"""
KEPT_FOR = DAY
"""How long an unused challenge is kept: as long as the longest of these windows, or its count would be lost."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A challenge, and its nonce, which is told this once."""

    challenge: Challenge
    nonce: str


def issue(*, owner: User, person: Person | None, claim: str = "", kinds: Collection[Kind] = ()) -> Issued:
    """Draw a challenge for one verification of this person (None: 1:N). kinds: what may be asked; movements of the head
    where none is named. claim: the token of an id that is nobody's, where one was claimed (services.claims).

    Raises Refusal "validation_error" for too few kinds or closed eyes that the active pack cannot see,
    "not_found" for a person erased meanwhile, or "too_many_challenges".
    """
    offered = set(kinds or HEAD)
    if len(offered) < FEWEST_KINDS:
        raise Refusal("validation_error", f"Name at least {FEWEST_KINDS} kinds, or none.", attr="kinds")
    if Kind.CLOSE_EYES in offered and not _sees_lids():
        raise Refusal("validation_error", "The active pack has no landmarks that show closed eyes.", attr="kinds")
    nonce = secrets.token_urlsafe(32)
    with transaction.atomic():
        _refuse_fishing(owner, person, claim)
        now = timezone.now()
        challenge = Challenge.objects.create(
            owner=owner,
            person=person,
            claim=claim,
            kinds=draw(offered, secrets.choice),
            nonce_sha256=_sha256(nonce),
            issued_at=now,
            expires_at=now + timedelta(seconds=settings.CHALLENGE_TTL_S),
        )
        _audit(Action.CHALLENGE_ISSUED, challenge, steps=challenge.kinds)
    return Issued(challenge, nonce)


def find(*, owner: User, challenge_id: uuid.UUID, nonce: str, person: Person | None, claim: str = "") -> Challenge:
    """Return the challenge that a caller means to use for this person, or for this claim of nobody.

    The nonce shows that whoever sends the clip is whom the steps were told: ids stand in answers and logs, it does not.
    Raises Refusal "not_found" for another caller's or a wrong nonce, "challenge_used", "challenge_expired" or
    "challenge_person_differs".
    """
    challenge = Challenge.objects.filter(pk=challenge_id, owner=owner).first()
    if challenge is None or not hmac.compare_digest(challenge.nonce_sha256, _sha256(nonce)):
        raise Refusal("not_found", "There is no such challenge.", attr="challenge_id")
    if (challenge.person_id, challenge.claim) != (person.id if person else None, claim):
        raise Refusal("challenge_person_differs", attr="challenge_id")
    _refuse_spent(challenge)
    return challenge


def use(*, challenge: Challenge, verification: Verification) -> None:
    """Bind a challenge to the one verification it counts for, in the caller's transaction: one UPDATE decides a race.

    Raises Refusal "challenge_used" or "challenge_expired".
    """
    now = timezone.now()
    if not Challenge.objects.open_at(now).filter(pk=challenge.pk).update(used_at=now, verification=verification):
        challenge.refresh_from_db()
        _refuse_spent(challenge)
        raise Refusal("challenge_expired", attr="challenge_id")
    challenge.used_at, challenge.verification = now, verification
    _audit(Action.CHALLENGE_USED, challenge, verification=verification.id)


def sweep() -> int:
    """Delete what was never used and expired KEPT_FOR ago; return how many. The used stay with their verification."""
    return Challenge.objects.unused().filter(expires_at__lt=timezone.now() - KEPT_FOR).delete()[0]


def _refuse_spent(challenge: Challenge) -> None:
    if challenge.used_at is not None:
        raise Refusal("challenge_used", attr="challenge_id")
    if challenge.expires_at <= timezone.now():
        raise Refusal("challenge_expired", attr="challenge_id")


def _refuse_fishing(owner: User, person: Person | None, claim: str) -> None:
    """Hold the rows of caller and person, so that requests at the same time are counted one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if person is not None:
        locked(person.pk)
    wait = max(_wait(*limit) for limit in _limits(owner, person, claim))
    if wait > timedelta():
        raise Refusal("too_many_challenges", retry_after=1 + int(wait.total_seconds()))


def _limits(owner: User, person: Person | None, claim: str) -> Iterator[tuple[ChallengeQuerySet, int, timedelta]]:
    """Give the challenges that are counted, how many they may be, and within which time."""
    issued = Challenge.objects.filter(owner=owner)
    yield issued, settings.CHALLENGES_PER_CALLER_HOUR, HOUR
    if person is None and not claim:
        yield issued.filter(person=None, claim=""), settings.CHALLENGES_OF_NOBODY_HOUR, HOUR
        return
    for most, within in PER_CALLER_AND_PERSON:
        yield issued.filter(person=person, claim=claim), most, within
    for most, within in PER_PERSON:
        yield Challenge.objects.filter(person=person, claim=claim), most, within


def _wait(issued: ChallengeQuerySet, most: int, within: timedelta) -> timedelta:
    """Return how long it takes until one more may be issued; nothing where it may be now."""
    since = timezone.now() - within
    times = issued.filter(issued_at__gt=since).order_by("-issued_at").values_list("issued_at", flat=True)
    last_to_go = next(iter(times[most - 1 : most]), None) if most > 0 else timezone.now()
    return timedelta() if last_to_go is None else last_to_go - since


def _sees_lids() -> bool:
    status = vision().status()
    return any(pack.sees_lids for pack in status.packs if pack.name == status.active_pack)


def _sha256(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def _audit(action: Action, challenge: Challenge, **details: object) -> None:
    audit.record(
        action=action, subject_kind="challenge", subject_id=challenge.id, actor=challenge.owner, details=details
    )
