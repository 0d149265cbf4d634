"""What lies at rest in a former way is made anew: seals that are bound to no place, and whatever upper rooms name.

settings.AT_REST names, by dotted path, functions that give the steps of each room. The rows are the only state: what
is of a former way is still to do, so a run that was cut off goes on where it stopped, and several share the work. Once
no step has anything left, seals of before are opened no more (`former`).
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import BinaryField, F, Func, QuerySet, Value
from django.utils.module_loading import import_string

from heirloom.crypto import former
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place

logger = logging.getLogger(__name__)
BATCH = 500


@dataclass(frozen=True, slots=True)
class Renewed:
    """How many of a batch were made anew, and how many cannot be: they do not open, or their key is destroyed."""

    done: int
    lost: int = 0


class Step(Protocol):
    """One kind of things at rest."""

    @property
    def name(self) -> str: ...

    def left(self) -> int:
        """Return how many are of a former way."""
        ...

    def renew(self) -> Iterator[Renewed]:
        """Make them anew, a batch in a transaction of its own, and say of each batch what became of it."""
        ...


def steps() -> list[Step]:
    return [step for path in settings.AT_REST for step in import_string(path)()]


def still_to_do() -> dict[str, int]:
    """Return how many of each kind are of a former way, of those kinds that have some."""
    return {step.name: left for step in steps() if (left := step.left())}


def renew_for(seconds: float | None = None) -> dict[str, Renewed]:
    """Make anew until all is done or the time is over; return what became of each kind that had some.

    When all are, seals of before are opened no more. Raises Refusal `key_unavailable`.
    """
    ends, found = None if seconds is None else time.monotonic() + seconds, dict[str, Renewed]()
    for step in steps():
        for some in step.renew():
            before = found.get(step.name, Renewed(0))
            found[step.name] = Renewed(before.done + some.done, before.lost + some.lost)
            if ends is not None and time.monotonic() > ends:
                return found
    lost = sum(one.lost for one in found.values())
    if former.are_opened() and sum(still_to_do().values()) <= lost:
        former.forbid()
        logger.warning("all seals are bound to their place; those of version 1 are opened no more (%d lost)", lost)
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of seals, as a step. rows: the table. subject and place: of a row."""

    name: str
    rows: QuerySet[Any]
    field: str
    subject: Callable[[Any], UUID]
    place: Callable[[Any], Place]

    def left(self) -> int:
        """Return how many seals of version 1 there are."""
        return self._former().count()

    def renew(self) -> Iterator[Renewed]:
        """Seal them anew, as long as they are opened.

        Rows that another transaction holds are not waited for: it may wait for one of ours.
        """
        if not former.are_opened():
            return
        rows = self._former().order_by("pk").select_for_update(skip_locked=True, no_key=True)
        last: Any = None
        while True:
            with transaction.atomic():
                batch = list((rows if last is None else rows.filter(pk__gt=last))[:BATCH])
                renewed = self._renewed(batch)
                self.rows.model._default_manager.bulk_update(renewed, [self.field])
            if not batch:
                return
            last = batch[-1].pk
            yield Renewed(len(renewed), len(batch) - len(renewed))

    def _former(self) -> QuerySet[Any]:
        version = Func(F(self.field), Value(1), Value(1), function="substring", output_field=BinaryField())
        rows: QuerySet[Any] = self.rows.alias(seal_version=version).filter(seal_version=crypto.VERSION)
        return rows

    def _renewed(self, batch: Sequence[Any]) -> list[Any]:
        kept = [(self.subject(row), self.place(row), bytes(getattr(row, self.field))) for row in batch]
        renewed = []
        for row, sealed in zip(batch, crypto.sealed_anew(kept), strict=True):
            if sealed is not None:
                setattr(row, self.field, sealed)
                renewed.append(row)
        return renewed
