"""What HR hands in together: a person, a consent and captures, taken as a whole or not at all."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from enrollment.models import Enrollment, Person
from enrollment.services import captures, consents, enrollments, people
from enrollment.services.registration import ConsentGiven
from heirloom.accounts.models import User
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs

SOURCE = "portal"


class Uploads:
    """The files of a form as services take them; `current` names the one that is being read."""

    def __init__(self, files: Sequence["UploadedFile[Any]"]) -> None:
        self.files = files
        self.current = ""

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        for file in self.files:
            self.current = file.name or ""
            yield file.chunks()
        self.current = ""


def admit(*, details: Mapping[str, Any], consent: ConsentGiven, uploads: Uploads, actor: User) -> Enrollment:
    """Make a person with consent, and have the captures worked on.

    Raises Refusal "employee_id_taken", or the code of the first file that cannot be taken; then nothing is written.
    """
    if Person.objects.filter(employee_id=details["employee_id"]).exists():
        raise Refusal("employee_id_taken", attr="employee_id")
    owner = uuid.uuid4()
    with captures.stored(uploads, subject=owner) as kept, transaction.atomic():
        person = people.create_person(person_id=owner, actor=actor, **details)
        give(person=person, consent=consent, actor=actor)
        visit = enrollments.open_visit(person=person, kept=kept, source=SOURCE, actor=actor)
        jobs.enqueue(kind="enrollment", subject_id=visit.id, owner=actor, queue="vision")
    return visit


def add_captures(*, person: Person, consent: ConsentGiven | None, uploads: Uploads, actor: User) -> Enrollment:
    """Have more captures of a person worked on, under a new consent where one is given.

    Raises Refusal "consent_required", or the code of the first file that cannot be taken; then nothing is written.
    """
    if consent is None:
        return enrollments.submit(person=person, uploads=uploads, source=SOURCE, actor=actor)
    with captures.stored(uploads, subject=person.id) as kept, transaction.atomic():
        give(person=person, consent=consent, actor=actor)
        visit = enrollments.open_visit(person=person, kept=kept, source=SOURCE, actor=actor)
        jobs.enqueue(kind="enrollment", subject_id=visit.id, owner=actor, queue="vision")
    return visit


def give(*, person: Person, consent: ConsentGiven, actor: User) -> None:
    consents.give(
        person=person,
        policy_version=consent.policy_version,
        given_at=consent.given_at,
        method=consent.method,
        actor=actor,
    )
