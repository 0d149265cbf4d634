"""The gallery: whom a probe may be compared with in a search, and who is nearest."""

import heapq
import uuid
from collections.abc import Collection, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

from django.core.cache import cache
from pgvector import HalfVector

from enrollment.models import Person, PersonTemplate
from enrollment.querysets import PersonTemplateQuerySet, searching
from enrollment.services import protection, templates
from enrollment.services.templates import Reference
from heirloom.accounts.limits import GalleryLimit
from heirloom.crypto.rotation import Rotation
from heirloom.decision.identification import ScoredCandidate
from heirloom.vision.comparison import compare
from heirloom.vision.types import Template

# Chosen as docs/decisions/0015 says: up to here everybody is compared with, beyond it the index is asked.
EXACT_UP_TO = 100_000
WALK_WIDTH = 800
"""How many neighbors the walk through the index keeps in view (hnsw.ef_search)."""
NAMED = 20
"""So many are named by half-precision numbers at least, so that their exact ones can put another one first."""
COUNTED_UP_TO, SIZE_KEPT_S = 2_000, 60
"""Up to here people are counted with each search, beyond for the next seconds: it takes as long as an exact search."""
UNSEALED_AT_A_TIME = 1000


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

    A large number is remembered for a while: a few people more or less move no threshold.
    """
    known: int | None = cache.get(name)
    if known is None:
        known = rows.count()
        if known > COUNTED_UP_TO:
            cache.set(name, known, SIZE_KEPT_S)
    return known


def _search(rows: PersonTemplateQuerySet, probe: Template, count: int, size: int) -> Search:
    """The database ranks protected half-precision vectors; the exact numbers of those it names decide the order."""
    named = _named(rows, probe, max(count, NAMED), size)
    references = templates.from_rows(named)
    hits = [_hit(probe, row, references[row.person_id]) for row in named if row.person_id in references]
    return Search(tuple(sorted(hits, key=lambda hit: -hit.score)[:count]), size)


def _named(rows: PersonTemplateQuerySet, probe: Template, count: int, size: int) -> list[PersonTemplate]:
    """Return the nearest rows of each kind, in no order; only they are read whole, with their people.

    While some carry vectors of a former kind everybody is compared with. A row that is made anew meanwhile is found
    all the same, for the kind in force is asked last.
    """
    in_force, *before = protection.known(probe.model)
    former = {kind for model, kind in PersonTemplate.objects.kinds() if model == probe.model} - {in_force.fingerprint}
    strange = former - {kind.fingerprint for kind in before}
    ids = _ids_by_unsealing(rows.filter(protection__in=strange), probe, count) if strange else []
    for kind in before:
        if kind.fingerprint in former:
            ids += _ids(rows, kind, probe, count, exact=True)
    ids += _ids(rows, in_force, probe, count, exact=bool(former) or size <= EXACT_UP_TO)
    return list(PersonTemplate.objects.filter(pk__in=ids).select_related("person").defer("vector"))


def _ids(rows: PersonTemplateQuerySet, kind: Rotation, probe: Template, count: int, *, exact: bool) -> list[int]:
    protected = HalfVector(kind.protect(probe.vector))
    alike = rows.filter(protection=kind.fingerprint)
    nearest = alike.nearest(protected, dimensions=len(probe.vector), count=count, exact=exact)
    with nullcontext() if exact else searching(width=WALK_WIDTH):
        return list(nearest.values_list("pk", flat=True))


def _ids_by_unsealing(rows: PersonTemplateQuerySet, probe: Template, count: int) -> list[int]:
    """Return the nearest of rows whose kind of vector nobody can make any more by what is sealed: slow, but certain."""
    best: list[tuple[float, int]] = []
    for batch in rows.in_batches(UNSEALED_AT_A_TIME):
        references = templates.from_rows(batch)
        known = [row for row in batch if row.person_id in references]
        scores = [(compare(probe, references[row.person_id].template), row.pk) for row in known]
        best = heapq.nlargest(count, [*best, *scores])
    return [pk for _, pk in best]


def _hit(probe: Template, row: PersonTemplate, reference: Reference) -> Hit:
    return Hit(row.person, compare(probe, reference.template), reference.count)
