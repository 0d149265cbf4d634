"""Erasing a person from both apps at once."""

from django.db import transaction

from enrollment.models import Person
from enrollment.services import erasure as enrollment_erasure
from heirloom.accounts.models import User
from verification.services import erasure as verification_erasure


@transaction.atomic
def erase_person(*, person: Person, actor: User | None) -> None:
    """Remove all that shows or names a person, from enrollment and from every verification."""
    # Whoever writes about this person waits, and then finds nobody.
    Person.objects.select_for_update().get(pk=person.pk)
    verification_erasure.forget(person=person)
    enrollment_erasure.erase(person=person, actor=actor)
