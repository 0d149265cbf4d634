"""Challenges: issued to one caller about one person, used once, in time; the only writer of their rows."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.decision.challenge import FEWEST_KINDS, HEAD, draw
from heirloom.decision.gestures import Kind
from heirloom.errors import Refusal
from heirloom.jobs.vision import vision
from verification.models import Challenge, Verification

MOST_UNUSED = 30
UNUSED_WITHIN = timedelta(hours=1)
"""Whoever holds a recording asks for challenges until one fits it. That would take 1000 of them, so some 30 hours."""
KEPT_FOR = timedelta(days=1)
"""How long an unused challenge is still told from one that never was."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A challenge, and its nonce, which is told this once."""

    challenge: Challenge
    nonce: str


def issue(*, owner: User, person: Person | None, kinds: Collection[Kind] = ()) -> Issued:
    """Draw a challenge for one verification of this person (None: 1:N). kinds: what may be asked; movements of the head
    where none is named.

    Raises Refusal "validation_error" for too few kinds or closed eyes that the active pack cannot see,
    "person_suspended" or "too_many_challenges".
    """
    offered = set(kinds or HEAD)
    if len(offered) < FEWEST_KINDS:
        raise Refusal("validation_error", f"Name at least {FEWEST_KINDS} kinds, or none.", attr="kinds")
    if Kind.CLOSE_EYES in offered and not _sees_lids():
        raise Refusal("validation_error", "The active pack has no landmarks that show closed eyes.", attr="kinds")
    if person is not None and person.status == Person.Status.SUSPENDED:
        raise Refusal("person_suspended")
    nonce = secrets.token_urlsafe(32)
    with transaction.atomic():
        _refuse_fishing(owner, person)
        now = timezone.now()
        challenge = Challenge.objects.create(
            owner=owner,
            person=person,
            kinds=draw(offered, secrets.choice),
            nonce_sha256=_sha256(nonce),
            issued_at=now,
            expires_at=now + timedelta(seconds=settings.CHALLENGE_TTL_S),
        )
        _audit(Action.CHALLENGE_ISSUED, challenge, steps=challenge.kinds)
    return Issued(challenge, nonce)


def find(*, owner: User, challenge_id: uuid.UUID, nonce: str, person: Person | None) -> Challenge:
    """Return the challenge that a caller means to use for this person.

    The nonce shows that whoever sends the clip is whom the steps were told: ids stand in answers and logs, it does not.
    Raises Refusal "not_found" for another caller's or a wrong nonce, "challenge_used", "challenge_expired" or
    "challenge_person_differs".
    """
    challenge = Challenge.objects.filter(pk=challenge_id, owner=owner).first()
    if challenge is None or not hmac.compare_digest(challenge.nonce_sha256, _sha256(nonce)):
        raise Refusal("not_found", "There is no such challenge.", attr="challenge_id")
    if challenge.person_id != (person.id if person else None):
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


def _refuse_fishing(owner: User, person: Person | None) -> None:
    """Hold the caller's row, so that requests at the same time are counted one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    since = timezone.now() - UNUSED_WITHIN
    asked = Challenge.objects.unused().filter(owner=owner, person=person, issued_at__gt=since)
    if asked.count() >= MOST_UNUSED:
        oldest = asked.order_by("issued_at").values_list("issued_at", flat=True)[0]
        raise Refusal("too_many_challenges", retry_after=1 + round((oldest - since).total_seconds()))


def _sees_lids() -> bool:
    status = vision().status()
    return any(pack.sees_lids for pack in status.packs if pack.name == status.active_pack)


def _sha256(nonce: str) -> str:
    return hashlib.sha256(nonce.encode()).hexdigest()


def _audit(action: Action, challenge: Challenge, **details: object) -> None:
    audit.record(
        action=action, subject_kind="challenge", subject_id=challenge.id, actor=challenge.owner, details=details
    )
