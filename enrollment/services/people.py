"""People: create, find, update."""

import uuid
from dataclasses import replace
from typing import Any

from django.db import transaction

from enrollment import private
from enrollment.models import Person
from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal
from heirloom.locks import hold

EDITABLE = ("employee_id", "external_id", "full_name", "department", "position", "email", "metadata", "status")


@transaction.atomic
def create_person(*, full_name: str, actor: User | None, person_id: uuid.UUID | None = None, **details: Any) -> Person:
    """Make a person; `details` are fields of EDITABLE.

    Raises Refusal "employee_id_taken", or "validation_error" for an external id in use.
    """
    open_details, noted = _parted(_known(details))
    person = Person(id=person_id or uuid.uuid4(), full_name=full_name, **open_details)
    _save(person, noted)
    audit.record(action=Action.PERSON_CREATED, subject_kind="person", subject_id=person.id, actor=actor)
    return person


@transaction.atomic
def update_person(*, person: Person, actor: User | None, **details: Any) -> Person:
    """Change the named fields; raises as create_person does, and "not_found" for one who was erased meanwhile."""
    open_details, noted = _parted(changed := _known(details))
    locked(person.pk)
    for name, value in open_details.items():
        setattr(person, name, value)
    _save(person, noted)
    audit.record(
        action=Action.PERSON_UPDATED,
        subject_kind="person",
        subject_id=person.id,
        actor=actor,
        details={"fields": sorted(changed)},
    )
    return person


def locked(person_id: uuid.UUID, *, for_deletion: bool = False) -> Person:
    """Lock a person's row in the caller's transaction, against everybody who writes about that person, and return it.

    Raises Refusal "not_found" for one who was erased.
    """
    held = Person.objects.select_for_update(no_key=not for_deletion).filter(pk=person_id).first()
    if held is None:
        raise Refusal("not_found")
    return held


def find_person(reference: str, within: GalleryLimit | None = None) -> Person | None:
    """Return the person with this id, ours or the one a client app gave, if the caller may name them."""
    return Person.objects.within(within).named([reference]).first()


def _known(details: dict[str, Any]) -> dict[str, Any]:
    unknown = set(details) - set(EDITABLE)
    if unknown:
        raise TypeError(f"not a field of a person: {', '.join(sorted(unknown))}")
    # An empty number would be unique too, and only one person could go without.
    return {
        name: (value or None) if name in {"employee_id", "external_id"} else value for name, value in details.items()
    }


def _parted(details: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is kept open, and what is sealed."""
    noted = {name: details[name] for name in private.FIELDS if name in details}
    return {name: value for name, value in details.items() if name not in noted}, noted


def _save(person: Person, noted: dict[str, Any]) -> None:
    """Write a row whose numbers nobody else has: looked for before, since a refused INSERT is told with its values."""
    hold(f"number of a person: {number}" for number in (person.employee_id, person.external_id) if number)
    others = Person.objects.exclude(pk=person.pk)
    if person.employee_id and others.filter(employee_id=person.employee_id).exists():
        raise Refusal("employee_id_taken", attr="employee_id")
    if person.external_id and others.named([person.external_id]).exists():
        raise Refusal("validation_error", "Another person has this id.", attr="person_id")
    if noted:
        person.private_sealed = private.sealed(person.id, replace(person.private, **noted))
        person.plain_email, person.plain_metadata = "", {}
    person.save()
