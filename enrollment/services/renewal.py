"""Making search vectors anew where the way they are made has changed: another center, or another secret.

The rows are the only state: what carries another fingerprint than its model's is still to do, so a run that was cut
off goes on where it stopped, and several at once share the work. Searches find everybody meanwhile, see `gallery`.
"""

import time
from collections.abc import Iterator

from django.db import transaction
from pgvector import HalfVector

from enrollment.models import PersonTemplate
from enrollment.services import protection, templates
from heirloom.crypto.rotation import Rotation

BATCH = 500
TURN_S = 30.0
"""How long a turn of the background work takes; a broker hands work out again that takes a minute."""


def still_to_do() -> int:
    """Return how many rows carry a search vector of a former kind."""
    return sum(
        PersonTemplate.objects.filter(model=model, protection=kind).count()
        for model, kind in PersonTemplate.objects.kinds()
        if kind != protection.in_force(model).fingerprint
    )


def renew() -> Iterator[int]:
    """Make the search vectors of a former kind anew and yield how many, a batch at a time; each is kept or not made.

    Whoever was erased meanwhile, or is being written, is passed over. Raises Refusal "key_unavailable".
    """
    for model in sorted({model for model, _ in PersonTemplate.objects.kinds()}):
        kind, last = protection.in_force(model), 0
        while batch := _former_after(last, kind):
            yield _renewed(batch, kind)
            last = batch[-1]


def renew_for(seconds: float) -> int:
    """Renew until all is done or the time is over; return how many were."""
    ends, done = time.monotonic() + seconds, 0
    for count in renew():
        done += count
        if time.monotonic() > ends:
            break
    return done


def _former_after(last: int, kind: Rotation) -> list[int]:
    rows = PersonTemplate.objects.filter(model=kind.model, pk__gt=last).exclude(protection=kind.fingerprint)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])


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
