"""The gallery: whom a probe may be compared with in a search, and who is nearest."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.querysets import PersonTemplateQuerySet
from enrollment.services import templates
from heirloom.accounts.limits import GalleryLimit
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


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """hits: the nearest people, the most alike first. gallery_size: how many people were searched."""

    hits: tuple[Hit, ...]
    gallery_size: int


def people_within(limit: GalleryLimit | None) -> list[uuid.UUID] | None:
    """Return the people that a caller may find, for `search`; None for everybody."""
    return None if limit is None else list(Person.objects.within(limit).values_list("id", flat=True))


def search(*, probe: Template, count: int, person_ids: Collection[uuid.UUID] | None = None) -> Search:
    """Find the `count` nearest active people, all or the given ones."""
    rows = PersonTemplate.objects.gallery(probe.model, dimensions=len(probe.vector), person_ids=person_ids)
    return _search(rows.filter(person__status=Person.Status.ACTIVE), probe, count)


def search_others(*, probe: Template, count: int, than: Collection[uuid.UUID]) -> Search:
    """Find the `count` nearest people but some, suspended ones too: no new name gets around a suspension."""
    rows = PersonTemplate.objects.gallery(probe.model, dimensions=len(probe.vector))
    return _search(rows.exclude(person_id__in=than), probe, count)


def _search(rows: PersonTemplateQuerySet, probe: Template, count: int) -> Search:
    """The index ranks protected half-precision vectors; the exact numbers of the few it names decide the order."""
    protected = HalfVector(rotation.protect(probe.vector, probe.model))
    nearest = rows.select_related("person").nearest(protected, dimensions=len(probe.vector), count=count)
    hits = sorted((_hit(probe, row) for row in nearest), key=lambda hit: -hit.score)
    return Search(tuple(hits), rows.count())


def _hit(probe: Template, row: PersonTemplate) -> Hit:
    reference = templates.from_row(row)
    return Hit(row.person, compare(probe, reference.template), reference.count)
