"""The groups that an operator declares people to be of: what stands in their record, and nothing that is guessed."""

from collections.abc import Collection, Iterator
from uuid import UUID

from enrollment import private
from enrollment.models import Person

OPENED_AT_A_TIME = 500
FIELDS = ("department", "position")


def declared(people: Collection[UUID], keys: Collection[str]) -> dict[str, dict[UUID, str]]:
    """Return, for each key, each person's value: one of FIELDS, or what their metadata holds; "" for nothing.

    A value that is no plain one, as a list, counts as nothing.
    """
    found: dict[str, dict[UUID, str]] = {key: dict.fromkeys(people, "") for key in keys}
    if not keys:
        return found
    for person in _opened(list(people)):
        for key in keys:
            found[key][person.id] = _noted(person, key)
    return found


def _noted(person: Person, key: str) -> str:
    value = getattr(person, key) if key in FIELDS else person.metadata.get(key)
    return str(value).strip() if isinstance(value, str | int | float | bool) else ""


def _opened(people: list[UUID]) -> Iterator[Person]:
    for start in range(0, len(people), OPENED_AT_A_TIME):
        some = list(Person.objects.filter(pk__in=people[start : start + OPENED_AT_A_TIME]))
        private.open_all(some)
        yield from some
