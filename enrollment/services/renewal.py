"""Making search vectors anew where the way they are made has changed: another center, or another secret.

The rows are the only state: what carries another fingerprint than its model's is still to do, so a run that was cut
off goes on where it stopped, and several at once share the work. Searches find everybody meanwhile, see `gallery`:
they ask the index again once no row of a former kind is left. So it is built anew before the last ones are done.
"""

import time
from collections.abc import Iterator

from django.db import connection, transaction
from pgvector import HalfVector

from enrollment.models import PersonTemplate
from enrollment.querysets import PersonTemplateQuerySet
from enrollment.services import protection, templates
from heirloom.crypto.models import DataKey
from heirloom.crypto.rotation import Rotation

BATCH = 500
TURN_S = 30.0
"""How long a turn of the background work takes; a broker hands work out again that takes a minute."""
UNDER_WAY = """
SELECT EXISTS (SELECT FROM pg_stat_progress_create_index
WHERE datname = current_database() AND relid = 'enrollment_persontemplate'::regclass)
"""
INDEXED = (128, 192, 512, 704)
"""The dimensions that have an index, as the migrations made them."""


def still_to_do() -> int:
    """Return how many rows carry a search vector of a former kind."""
    models = {model for model, _ in PersonTemplate.objects.kinds()}
    return sum(_former(protection.in_force(model)).count() for model in models)


def renew() -> Iterator[int]:
    """Make the search vectors of a former kind anew and yield how many, a batch at a time; each is kept or not made.

    Whoever is being written is passed over. Raises Refusal "key_unavailable".
    """
    for model in sorted({model for model, _ in PersonTemplate.objects.kinds()}):
        kind, last = protection.in_force(model), 0
        while batch := list(_former(kind).filter(pk__gt=last).order_by("pk").values_list("pk", "dimensions")[:BATCH]):
            last, dimensions = batch[-1]
            if not _former(kind).filter(pk__gt=last).exists() and not rebuild_index(dimensions):
                return
            yield _renewed([pk for pk, _ in batch], kind)


def renew_for(seconds: float) -> int:
    """Renew until all is done or the time is over; return how many were."""
    ends, done = time.monotonic() + seconds, 0
    for count in renew():
        done += count
        if time.monotonic() > ends:
            break
    return done


def rebuild_index(dimensions: int) -> bool:
    """Build the index of vectors of this size anew beside the present one; False where another process is at it.

    What an earlier attempt left behind is dropped. Not within a transaction; it waits for those that are under way.
    """
    name = f"person_vectors_{dimensions}"
    if dimensions not in INDEXED:
        return True
    with connection.cursor() as cursor:
        cursor.execute(UNDER_WAY)
        if cursor.fetchone() == (True,):
            return False
        cursor.execute(f"DROP INDEX IF EXISTS {name}_ccnew")
        cursor.execute(f"REINDEX INDEX CONCURRENTLY {name}")
    return True


def _former(kind: Rotation) -> PersonTemplateQuerySet:
    """Rows of a former kind that can be read; of whoever is erased there is no key."""
    readable = DataKey.objects.filter(wrapped__isnull=False).values("subject")
    fingerprints = [other for model, other in PersonTemplate.objects.kinds() if model == kind.model]
    former = set(fingerprints) - {kind.fingerprint}
    return PersonTemplate.objects.filter(model=kind.model, protection__in=former, person_id__in=readable)


@transaction.atomic
def _renewed(ids: list[int], kind: Rotation) -> int:
    """Rows that another transaction holds are not waited for: it may wait for one of ours."""
    former = PersonTemplate.objects.filter(pk__in=ids).exclude(protection=kind.fingerprint)
    rows = list(former.order_by("pk").select_for_update(skip_locked=True, no_key=True))
    references = templates.from_rows(rows)
    readable = [row for row in rows if row.person_id in references]
    for row in readable:
        row.vector = HalfVector(kind.protect(references[row.person_id].template.vector))
        row.protection = kind.fingerprint
    PersonTemplate.objects.bulk_update(readable, ["vector", "protection"])
    return len(readable)
