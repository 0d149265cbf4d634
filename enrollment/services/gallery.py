"""The gallery: whom a probe may be compared with in a search, and who is nearest."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.services import templates
from heirloom.crypto import rotation
from heirloom.decision.identification import ScoredCandidate
from heirloom.vision.comparison import compare
from heirloom.vision.types import Template


@dataclass(frozen=True, slots=True)
class Hit:
    """One person near a probe. score: the exact comparison score, not the search's distance."""

    person: Person
    score: float
    reference_count: int

    def as_candidate(self) -> ScoredCandidate:
        return ScoredCandidate(str(self.person.id), self.score, self.reference_count)


def size(*, model: str, dimensions: int, person_ids: Collection[uuid.UUID] | None = None) -> int:
    return PersonTemplate.objects.gallery(model, dimensions=dimensions, person_ids=person_ids).count()


def search(
    *, probe: Template, count: int, person_ids: Collection[uuid.UUID] | None = None, but: uuid.UUID | None = None
) -> tuple[Hit, ...]:
    """Return the `count` nearest people, the most alike first.

    The index ranks protected half-precision vectors; the exact sealed numbers of the few it names decide the order.
    """
    dimensions = len(probe.vector)
    rows = PersonTemplate.objects.gallery(probe.model, dimensions=dimensions, person_ids=person_ids)
    protected = HalfVector(rotation.protect(probe.vector, probe.model))
    nearest = (
        (rows if but is None else rows.exclude(person_id=but))
        .select_related("person")
        .nearest(protected, dimensions=dimensions, count=count)
    )
    hits = [_hit(probe, row) for row in nearest]
    return tuple(sorted(hits, key=lambda hit: -hit.score))


def _hit(probe: Template, row: PersonTemplate) -> Hit:
    reference = templates.from_row(row)
    return Hit(row.person, compare(probe, reference.template), reference.count)
