"""The enrolled people as labelled templates, for measuring a policy on an organisation's own faces."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

import numpy as np
from django.db.models import QuerySet

from enrollment.models import FaceTemplate
from enrollment.services.declared import declared
from enrollment.services.templates import of_template
from heirloom.crypto import services as crypto
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.groups import Grouping


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """gallery: of people by number; people: whose number is which, the id of each."""

    gallery: Gallery
    people: tuple[UUID, ...]


def enrolled_gallery(*, model: str, most_people: int | None = None) -> Gallery:
    """Return the exact active templates of everybody enrolled with a model, in memory alone; people are numbered.

    Raises ValueError where nobody is.
    """
    return enrolled(model=model, most_people=most_people).gallery


def enrolled(*, model: str, most_people: int | None = None) -> Enrolled:
    """Return what `enrolled_gallery` does, and who each number is. Raises ValueError likewise."""
    found = _opened(_templates(model), most_people)
    if found is None:
        raise ValueError(f"nobody is enrolled with {model}")
    return found


def enrolled_groups(*, model: str, keys: Sequence[str], most_people: int | None = None) -> Grouping:
    """Return what the organisation itself notes of the people of `enrolled_gallery`, in the same order.

    keys: as `declared` takes them. What is no plain value is not known.
    """
    ids = _templates(model).order_by("person_id").values_list("person_id", flat=True)
    people = list(ids.distinct()[:most_people])
    noted = declared(people, keys)
    attributes = {key: np.array([noted[key][one] for one in people], dtype=np.str_) for key in keys}
    return Grouping(attributes, f"as noted of the people enrolled here: {', '.join(keys)}")


def enrolled_sample(*, model: str, most_people: int, chooser: random.Random) -> tuple[Enrolled | None, int]:
    """Return so many of the enrolled people at most, drawn without favor, and how many there are; None for none."""
    everybody = list(_templates(model).order_by("person_id").values_list("person_id", flat=True).distinct())
    chosen = everybody if len(everybody) <= most_people else chooser.sample(everybody, most_people)
    return _opened(_templates(model).filter(person_id__in=chosen), None), len(everybody)


def _templates(model: str) -> QuerySet[FaceTemplate]:
    return FaceTemplate.objects.active().filter(model=model)


def _opened(templates: QuerySet[FaceTemplate], most_people: int | None) -> Enrolled | None:
    vectors, numbers = [], []
    people: list[UUID] = []
    for person_id, plain in _by_person(templates, most_people):
        vectors += [np.frombuffer(one, "<f4") for one in plain]
        numbers += [len(people)] * len(plain)
        people.append(person_id)
    if not vectors:
        return None
    return Enrolled(Gallery(np.stack(vectors).astype(np.float32), np.array(numbers, dtype=np.int64)), tuple(people))


def _by_person(templates: QuerySet[FaceTemplate], most_people: int | None) -> Iterator[tuple[UUID, list[bytes]]]:
    """Yield each person's templates, opened; of one who is erased meanwhile, none."""
    sealed = templates.order_by("person_id", "id").only("person_id", "capture_id", "model", "vector_sealed").iterator()
    for number, (person_id, of_person) in enumerate(groupby(sealed, key=lambda row: row.person_id)):
        if most_people is not None and number >= most_people:
            break
        kept = [(of_template(row), bytes(row.vector_sealed)) for row in of_person]
        try:
            yield person_id, list(crypto.unseal_all(subject=person_id, sealed=kept))
        except crypto.KeyDestroyedError:
            continue
