"""Erasing a person from both apps at once."""

from django.db import transaction

from enrollment.models import Person
from enrollment.services import erasure as enrollment_erasure
from enrollment.services.erasure import Receipt
from enrollment.services.imports.files import hold_what_is_kept
from heirloom.accounts.models import User
from heirloom.api import idempotency
from verification.services import erasure as verification_erasure


@transaction.atomic
def erase_person(*, person: Person, actor: User | None) -> Receipt:
    """Remove all that shows or names a person, from enrollment, from every verification and from kept answers."""
    hold_what_is_kept()
    # Whoever writes about this person waits, and then finds nobody.
    held = Person.objects.select_for_update().get(pk=person.pk)
    idempotency.forget([held.pk, held.external_id, held.employee_id])
    verification_erasure.forget(person=person)
    return enrollment_erasure.erase(person=person, actor=actor)
