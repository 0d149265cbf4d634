"""Erasure: nothing of a person's face or name stays; the audit log keeps ids that point nowhere.

It has two ends. With its transaction the rows and files are gone and the keys destroyed, so what was sealed opens no
more, whatever copy of it the database keeps. What was not sealed, names and search vectors, leaves the database's files
within ERASURE_WITHIN_H: `complete` sees to that, and records it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from enrollment.models import Capture, Consent, Erasure, FaceTemplate, ImportRow, Person, PersonTemplate
from enrollment.services.enrollments import CLEARED
from enrollment.services.imports.files import forget_lines_about
from heirloom.accounts.models import User
from heirloom.api.models import KeyedRequest
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto import files, rewriting
from heirloom.crypto import services as crypto
from heirloom.jobs import news
from heirloom.jobs import services as jobs
from heirloom.reviews.models import Review
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import EventType

# Whose rows tell something of somebody without a key of that person: those that `complete` waits for.
TELLING = (Person, Consent, Capture, FaceTemplate, PersonTemplate, ImportRow, KeyedRequest)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Until when nothing of an erased person may be found on the disk, and when that was so; None: not yet."""

    person_id: UUID
    due_at: datetime
    completed_at: datetime | None


@transaction.atomic
def erase_captures(captures: list[Capture]) -> None:
    """Remove captures and their files, and destroy the keys of those that belong to nobody else."""
    names = [capture.storage_name for capture in captures if capture.storage_name]
    own = {capture.subject for capture in captures if capture.subject == capture.id}
    Capture.objects.filter(pk__in=[capture.pk for capture in captures]).delete()
    crypto.destroy_all(subjects=own)
    files.forget(names)


def end_work(person: Person) -> int:
    """End the jobs of a person's visits; return how many there were."""
    visits = list(person.enrollments.values_list("id", flat=True))
    return jobs.cancel_all(kind="enrollment", subject_ids=visits, code="person_erased")


@transaction.atomic
def erase(*, person: Person, actor: User | None) -> Receipt:
    """Remove a person, whose row the caller has locked: row, consents, templates, captures and their files, and the key
    that sealed them.
    """
    captures = list(person.captures.all())
    counts = {"captures": len(captures), "templates": person.templates.count()}
    visits = list(person.enrollments.values_list("id", flat=True))
    Review.objects.filter(kind__in=list(CLEARED), subject_id__in=visits).delete()
    for visit in visits:
        news.tell("enrollment", visit)
    Review.objects.filter(kind="turned", subject_id__in=[capture.id for capture in captures]).delete()
    forget_lines_about(person)
    person_id = person.id
    erase_captures(captures)
    person.templates.all().delete()
    person.delete()
    crypto.destroy(subject=person_id)
    receipt = _receipt(person_id)
    webhooks.emit(EventType.PERSON_ERASED, {"person_id": person_id})
    audit.record(action=Action.PERSON_ERASED, subject_kind="person", subject_id=person_id, actor=actor, details=counts)
    return receipt


def complete() -> int:
    """Let what was erased leave the disk, and record each erasure that is whole; return how many are left.

    Not within a transaction. Any number may be at it; a table in use, or a storage that is away, is left for later.
    """
    began = timezone.now()
    crypto.destroy_shares()
    files.delete_forgotten()
    rewriting.run()
    if not crypto.shares_to_destroy(began) and not files.forgotten_left(began):
        for erasure in Erasure.objects.filter(completed_at=None, erased_at__lt=began):
            if rewriting.is_done(erasure.xid):
                _completed(erasure)
    return Erasure.objects.filter(completed_at=None).count()


def overdue() -> int:
    """Return how many erasures have missed the time that was promised."""
    return Erasure.objects.filter(completed_at=None, due_at__lt=timezone.now()).count()


def _receipt(person_id: UUID) -> Receipt:
    now = timezone.now()
    due_at = now + timedelta(hours=settings.ERASURE_WITHIN_H)
    xid = rewriting.ask(model._meta.db_table for model in TELLING)
    Erasure.objects.create(person_id=person_id, erased_at=now, due_at=due_at, xid=xid)
    return Receipt(person_id, due_at, None)


@transaction.atomic
def _completed(erasure: Erasure) -> None:
    now = timezone.now()
    if Erasure.objects.filter(pk=erasure.pk, completed_at=None).update(completed_at=now):
        audit.record(
            action=Action.PERSON_ERASURE_COMPLETED,
            subject_kind="person",
            subject_id=erasure.person_id,
            details={"in_time": now <= erasure.due_at},
        )
