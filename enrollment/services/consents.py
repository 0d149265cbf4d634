"""Consents: given, withdrawn, expired. Withdrawal deletes the templates that stood on it."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Consent, FaceTemplate, Person
from enrollment.services import templates
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action


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
    """Record a consent. One of the same text that is active already is kept; an older text gives way to the new."""
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    active = person.consents.active().first()
    if active is not None and active.policy_version == policy_version:
        return active
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
    Person.objects.select_for_update(no_key=True).get(pk=consent.person_id)
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


def _end(consent: Consent) -> None:
    consent.is_active, consent.withdrawn_at = False, timezone.now()
    consent.save(update_fields=["is_active", "withdrawn_at"])


def _audit(action: Action, consent: Consent, actor: User | None) -> None:
    audit.record(
        action=action,
        subject_kind="person",
        subject_id=consent.person_id,
        actor=actor,
        details={"consent": str(consent.id), "policy_version": consent.policy_version},
    )
