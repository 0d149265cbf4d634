"""The gallery: whom a probe may be compared with in a search, and who is nearest."""

import uuid
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

from django.core.cache import cache
from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.querysets import PersonTemplateQuerySet, searching
from enrollment.services import templates
from enrollment.services.templates import Reference
from heirloom.accounts.limits import GalleryLimit
from heirloom.crypto import rotation
from heirloom.decision.identification import ScoredCandidate
from heirloom.vision.comparison import compare
from heirloom.vision.types import Template

# Chosen as docs/decisions/0015 says: up to here everybody is compared with, beyond it the index is asked.
EXACT_UP_TO = 100_000
WALK_WIDTH = 400
"""How many neighbors the walk through the index keeps in view (hnsw.ef_search)."""
NAMED = 10
"""So many are named by half-precision numbers at least, so that their exact ones can put another one first."""
SIZE_KEPT_S = 60


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


def people_within(*limits: GalleryLimit | None) -> Iterable[uuid.UUID] | None:
    """Return the people within all of the limits, for `search`; None for everybody."""
    narrowing = [limit for limit in limits if limit is not None]
    if not narrowing:
        return None
    people = Person.objects.all()
    for limit in narrowing:
        people = people.within(limit)
    return people.values_list("id", flat=True)


def search(*, probe: Template, count: int, person_ids: Iterable[uuid.UUID] | None = None) -> Search:
    """Find the `count` nearest active people, all or the given ones; a query of ids is asked within the search."""
    rows = PersonTemplate.objects.gallery(probe.model, dimensions=len(probe.vector), person_ids=person_ids)
    # A question to the few who are not active costs less than one to everybody.
    active = rows.exclude(person__in=Person.objects.exclude(status=Person.Status.ACTIVE))
    size = active.count() if person_ids is not None else _size(active, f"gallery:{probe.model}")
    return _search(active, probe, count, size)


def search_others(*, probe: Template, count: int, than: Collection[uuid.UUID]) -> Search:
    """Find the `count` nearest people but some, suspended ones too: no new name gets around a suspension."""
    rows = PersonTemplate.objects.gallery(probe.model, dimensions=len(probe.vector)).exclude(person_id__in=than)
    return _search(rows, probe, count, _size(rows, f"gallery-and-suspended:{probe.model}"))


def _size(rows: PersonTemplateQuerySet, name: str) -> int:
    """Return how many people are searched.

    A large number is remembered for a while: a few people more or less move no threshold, and counting them would take
    many times as long as the search.
    """
    known: int | None = cache.get(name)
    if known is None:
        known = rows.count()
        if known > EXACT_UP_TO:
            cache.set(name, known, SIZE_KEPT_S)
    return known


def _search(rows: PersonTemplateQuerySet, probe: Template, count: int, size: int) -> Search:
    """The database ranks protected half-precision vectors; the exact numbers of those it names decide the order."""
    named = _named(rows, probe, max(count, NAMED), exact=size <= EXACT_UP_TO)
    references = templates.from_rows(named)
    hits = [_hit(probe, row, references[row.person_id]) for row in named if row.person_id in references]
    return Search(tuple(sorted(hits, key=lambda hit: -hit.score)[:count]), size)


def _named(rows: PersonTemplateQuerySet, probe: Template, count: int, *, exact: bool) -> list[PersonTemplate]:
    """Return the nearest rows, in no order; only they are read whole, with their people."""
    protected = HalfVector(rotation.protect(probe.vector, probe.model))
    nearest = rows.nearest(protected, dimensions=len(probe.vector), count=count, exact=exact)
    with nullcontext() if exact else searching(width=WALK_WIDTH):
        ids = list(nearest.values_list("pk", flat=True))
    return list(PersonTemplate.objects.filter(pk__in=ids).select_related("person"))


def _hit(probe: Template, row: PersonTemplate, reference: Reference) -> Hit:
    return Hit(row.person, compare(probe, reference.template), reference.count)
