"""Erasing a person from both apps at once."""

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected

from enrollment.models import Person
from enrollment.services import erasure as enrollment_erasure
from enrollment.services.erasure import Receipt
from enrollment.services.imports.files import hold_what_is_kept
from enrollment.services.people import locked
from heirloom.accounts.models import User
from heirloom.api import idempotency
from verification.services import erasure as verification_erasure

TRIES = 5
"""How often it is begun anew where work on the person began at the same moment."""


def erase_person(*, person: Person, actor: User | None) -> Receipt:
    """Remove all that shows or names a person, from enrollment, from every verification and from kept answers.

    What waits or is under way about the person ends with it, as "person_erased", and whoever asked is told.
    Raises Refusal "not_found" where somebody else has just done it.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            with transaction.atomic():
                if receipt := _erased(person, actor, is_last=not tries_left):
                    return receipt
                transaction.set_rollback(True)
        except OperationalError as error:
            if not tries_left or connection.in_atomic_block or not isinstance(error.__cause__, DeadlockDetected):
                raise
    raise AssertionError("the last try erases or raises")


def _erased(person: Person, actor: User | None, *, is_last: bool) -> Receipt | None:
    """Erase in the caller's transaction; None where work was begun that is not ended here, and all is to be undone.

    Locks are taken as everybody takes them: jobs, imports, the person, the audit log. is_last: never mind such work; at
    worst the database breaks a deadlock with it.
    """
    end_work(person)
    hold_what_is_kept()
    # Whoever writes about this person waits, and then finds nobody.
    held = locked(person.pk, for_deletion=True)
    if end_work(held) and not is_last:
        return None
    idempotency.forget([held.pk, held.external_id, held.employee_id])
    verification_erasure.forget(person=held)
    return enrollment_erasure.erase(person=held, actor=actor)


def end_work(person: Person) -> int:
    """End the jobs about a person in the caller's transaction, and return how many there were."""
    return verification_erasure.end_work(person) + enrollment_erasure.end_work(person)
