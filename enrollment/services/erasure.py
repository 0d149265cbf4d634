"""Erasure: nothing of a person's face or name stays; the audit log keeps ids that point nowhere."""

from django.db import transaction

from enrollment.models import Capture, Person
from enrollment.services.imports.files import forget_lines_about
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto import files
from heirloom.crypto import services as crypto
from heirloom.reviews.models import Review
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import EventType


@transaction.atomic
def erase_captures(captures: list[Capture]) -> None:
    """Remove captures and their files, and destroy the keys of those that belong to nobody else."""
    names = [capture.storage_name for capture in captures if capture.storage_name]
    own = {capture.subject for capture in captures if capture.subject == capture.id}
    Capture.objects.filter(pk__in=[capture.pk for capture in captures]).delete()
    crypto.destroy_all(subjects=own)
    files.forget(names)


@transaction.atomic
def erase(*, person: Person, actor: User | None) -> None:
    """Remove a person: row, consents, templates, captures and their files, and the key that sealed them.

    Copies of the files alone cannot be read once the key is destroyed; a backup of the database holds the wrapped key
    until it is thrown away.
    """
    person = Person.objects.select_for_update().get(pk=person.pk)
    captures = list(person.captures.all())
    counts = {"captures": len(captures), "templates": person.templates.count()}
    Review.objects.filter(kind="duplicate", subject_id__in=person.enrollments.values("id")).delete()
    forget_lines_about(person)
    person_id = person.id
    erase_captures(captures)
    person.templates.all().delete()
    person.delete()
    crypto.destroy(subject=person_id)
    webhooks.emit(EventType.PERSON_ERASED, {"person_id": person_id})
    audit.record(action=Action.PERSON_ERASED, subject_kind="person", subject_id=person_id, actor=actor, details=counts)
