"""Consents: given, withdrawn, expired. Withdrawal deletes the templates that stood on it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from enrollment.models import Consent, FaceTemplate, Person
from enrollment.services import people, templates
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """A consent as a form or a client app brings it."""

    policy_version: str
    given_at: datetime
    method: str
    expires_at: datetime | None = None


@transaction.atomic
def give(
    *,
    person: Person,
    policy_version: str,
    method: str,
    given_at: datetime,
    actor: User | None,
    purpose: str = "",
    expires_at: datetime | None = None,
) -> Consent:
    """Record a consent. One of the same text that is active already is kept; an older text gives way to the new.

    A client app vouches for the consent of people whom it made, or by the basis that an admin recorded for it.
    Raises Refusal "consent_not_attestable" for one that may not, and "not_found" for a person who was erased.
    """
    people.locked(person.pk)
    active = person.consents.active().first()
    if active is not None and active.policy_version == policy_version:
        return active
    if actor is not None and not actor.has_role("hr", "admin"):
        _require_attestable(person, actor, policy_version, method, given_at)
    if active is not None:
        _end(active)
    consent = Consent.objects.create(
        person=person,
        policy_version=policy_version,
        purpose=purpose or settings.CONSENT_PURPOSE,
        method=method,
        given_at=given_at,
        expires_at=expires_at,
        recorded_by=actor,
    )
    # Nobody has to be photographed again for a new text; the foreign key is checked when the transaction ends.
    FaceTemplate.objects.filter(consent=active).update(consent=consent)
    _audit(Action.CONSENT_GIVEN, consent, actor)
    return consent


@transaction.atomic
def withdraw(*, consent: Consent, actor: User | None) -> None:
    """Withdraw a consent and delete all templates of the person with it. Withdrawing again changes nothing."""
    # The person's row first, as whoever adds templates does: none may come between their deletion and the end.
    people.locked(consent.person_id)
    consent = Consent.objects.select_for_update().get(pk=consent.pk)
    if not consent.is_active:
        return
    templates.delete_all(person=consent.person)
    _end(consent)
    _audit(Action.CONSENT_WITHDRAWN, consent, actor)


def withdraw_expired() -> int:
    """Withdraw every consent past its time and return how many; a database constraint cannot read the clock."""
    expired = list(Consent.objects.active().filter(expires_at__lte=timezone.now()))
    for consent in expired:
        withdraw(consent=consent, actor=None)
    return len(expired)


def _require_attestable(person: Person, actor: User, policy_version: str, method: str, given_at: datetime) -> None:
    """Hold a client app to people whom it made and to its recorded basis; neither brings back what was withdrawn.

    After a withdrawal only a consent counts that was given later, and a basis recorded for all was given to nobody.
    """
    basis = actor.consent_basis or {}
    by_basis = (basis.get("policy_version"), basis.get("method")) == (policy_version, method)
    made = actor.pk in audit.actors(subject_id=person.id, actions=(Action.PERSON_CREATED,))
    withdrawn = person.consents.filter(is_active=False).aggregate(last=Max("withdrawn_at"))["last"]
    if withdrawn is None or person.consents.active().exists():
        allowed = made or by_basis
    else:
        allowed = made and not by_basis and given_at > withdrawn
    if not allowed:
        raise Refusal("consent_not_attestable", attr="consent")


def _end(consent: Consent) -> None:
    consent.is_active, consent.withdrawn_at = False, timezone.now()
    consent.save(update_fields=["is_active", "withdrawn_at"])


def _audit(action: Action, consent: Consent, actor: User | None) -> None:
    audit.record(
        action=action,
        subject_kind="person",
        subject_id=consent.person_id,
        actor=actor,
        details={"consent": str(consent.id), **_known_text(consent)},
    )


def _known_text(consent: Consent) -> dict[str, object]:
    """Name the text agreed to where the settings name it: what a caller wrote may be anything, and stays for ever."""
    known = consent.policy_version == settings.CONSENT_POLICY_VERSION
    return {"policy_version": consent.policy_version} if known else {}
