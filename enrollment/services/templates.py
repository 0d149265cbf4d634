"""Templates: sealed exactly, protected for search, and their mean kept per person and model."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pgvector import HalfVector

from enrollment.models import Capture, Consent, FaceTemplate, Person, PersonTemplate
from enrollment.services import protection
from heirloom.crypto import rewriting
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.vision.comparison import mean_template
from heirloom.vision.types import Floats, Template

_FORMER = b"template"


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a probe is compared with: the mean of a person's active references, and how many they are."""

    template: Template
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class NewTemplate:
    capture: Capture
    template: Template
    quality: float
    at_s: float | None = None


def add(*, person: Person, consent: Consent, new: Sequence[NewTemplate]) -> list[FaceTemplate]:
    """Store templates and bring the person's mean up to date. The caller's transaction holds the person's row."""
    rows = [
        FaceTemplate(
            person=person,
            consent=consent,
            capture=item.capture,
            at_s=item.at_s,
            model=item.template.model,
            quality=item.quality,
        )
        for item in new
    ]
    vectors = ((of_template(row), _plain(item.template.vector)) for row, item in zip(rows, new, strict=True))
    for row, sealed in zip(rows, crypto.seal_all(subject=person.id, plaintexts=vectors), strict=True):
        row.vector_sealed = sealed
    FaceTemplate.objects.bulk_create(rows)
    for model in {item.template.model for item in new}:
        refresh(person=person, model=model)
    return rows


def refresh(*, person: Person, model: str) -> None:
    """Make the person's mean of one model from its active templates; none left, none kept."""
    vectors = _active_vectors(person, model)
    if not vectors:
        PersonTemplate.objects.filter(person=person, model=model).delete()
        return
    mean, kind = mean_template([Template(model, vector) for vector in vectors]), protection.in_force(model)
    place = mean_place(model, len(vectors))
    PersonTemplate.objects.update_or_create(
        person=person,
        model=model,
        defaults={
            "dimensions": len(mean.vector),
            "reference_count": len(vectors),
            "vector_sealed": crypto.seal(subject=person.id, plaintext=_plain(mean.vector), place=place),
            "vector": HalfVector(kind.protect(mean.vector)),
            "protection": kind.fingerprint,
        },
    )


def reference(*, person: Person, model: str) -> Reference | None:
    """Return what a probe of this model is compared with, or None if the person has no such templates."""
    row = PersonTemplate.objects.filter(person=person, model=model).first()
    return None if row is None else from_row(row)


def from_row(row: PersonTemplate) -> Reference:
    vector = crypto.unseal(subject=row.person_id, sealed=bytes(row.vector_sealed), place=of_mean(row))
    return _reference(row, vector)


def from_rows(rows: Iterable[PersonTemplate]) -> dict[uuid.UUID, Reference]:
    """Return the references of several people, of one model, by their ids; whoever is erased by now has none."""
    by_person = {row.person_id: row for row in rows}
    sealed = {person: (of_mean(row), bytes(row.vector_sealed)) for person, row in by_person.items()}
    plain = crypto.unseal_each(sealed=sealed)
    return {person: _reference(by_person[person], vector) for person, vector in plain.items()}


def unsealed(row: FaceTemplate) -> Template:
    """Return the template of one picture. Raises KeyDestroyedError where the person is erased."""
    vector = crypto.unseal(subject=row.person_id, sealed=bytes(row.vector_sealed), place=of_template(row))
    return Template(row.model, np.frombuffer(vector, dtype="<f4"))


def delete_all(*, person: Person) -> None:
    """Delete a person's templates, whose key may live on: their rows then leave the database's files as well."""
    rewriting.ask(model._meta.db_table for model in (FaceTemplate, PersonTemplate))
    FaceTemplate.objects.filter(person=person).delete()
    PersonTemplate.objects.filter(person=person).delete()


def of_template(row: FaceTemplate) -> Place:
    """Where a template stands: its own row, for one capture and model."""
    return Place("enrollment_facetemplate.vector", (str(row.id), str(row.capture_id), row.model), _FORMER)


def of_mean(row: PersonTemplate) -> Place:
    """Where a person's mean stands: of one model, and of so many references as its threshold goes by."""
    return mean_place(row.model, row.reference_count)


def mean_place(model: str, count: int) -> Place:
    return Place("enrollment_persontemplate.vector", (model, str(count)), _FORMER)


def _active_vectors(person: Person, model: str) -> list[Floats]:
    rows = FaceTemplate.objects.active().filter(person=person, model=model)
    kept = [(of_template(row), bytes(row.vector_sealed)) for row in rows]
    if not kept:
        return []
    return [np.frombuffer(plain, dtype="<f4") for plain in crypto.unseal_all(subject=person.id, sealed=kept)]


def _reference(row: PersonTemplate, vector: bytes) -> Reference:
    return Reference(Template(row.model, np.frombuffer(vector, dtype="<f4")), row.reference_count)


def _plain(vector: Floats) -> bytes:
    return np.asarray(vector, dtype="<f4").tobytes()
