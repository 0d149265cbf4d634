"""The enrolled people as labelled templates, for measuring a policy on an organisation's own faces."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from enrollment.models import FaceTemplate, Person
from enrollment.services.templates import of_template
from heirloom.crypto import services as crypto
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.groups import Grouping

FIELDS = ("department", "position")


def enrolled_gallery(*, model: str, most_people: int | None = None) -> Gallery:
    """Return the exact active templates of everybody enrolled with a model, in memory alone; people are numbered.

    Raises ValueError where nobody is.
    """
    rows = FaceTemplate.objects.active().filter(model=model).order_by("person_id", "id")
    sealed = rows.only("person_id", "capture_id", "model", "vector_sealed").iterator()
    vectors, people = [], []
    for number, (person_id, of_person) in enumerate(groupby(sealed, key=lambda row: row.person_id)):
        if most_people is not None and number >= most_people:
            break
        kept = [(of_template(row), bytes(row.vector_sealed)) for row in of_person]
        for plain in crypto.unseal_all(subject=person_id, sealed=kept):
            vectors.append(np.frombuffer(plain, "<f4"))
            people.append(number)
    if not vectors:
        raise ValueError(f"nobody is enrolled with {model}")
    return Gallery(np.stack(vectors).astype(np.float32), np.array(people, dtype=np.int64))


def enrolled_groups(*, model: str, keys: Sequence[str], most_people: int | None = None) -> Grouping:
    """Return what the organisation itself notes of the people of `enrolled_gallery`, in the same order.

    keys: of FIELDS, or of their metadata. What is no plain value is not known.
    """
    ids = FaceTemplate.objects.active().filter(model=model).order_by("person_id").values_list("person_id", flat=True)
    wanted = list(ids.distinct()[:most_people])
    people = Person.objects.in_bulk(wanted)
    attributes = {key: np.array([_noted(people[one], key) for one in wanted], dtype=np.str_) for key in keys}
    return Grouping(attributes, f"as noted of the people enrolled here: {', '.join(keys)}")


def _noted(person: Person, key: str) -> str:
    value: Any = getattr(person, key) if key in FIELDS else person.metadata.get(key)
    return str(value).strip() if isinstance(value, (str, int, float, bool)) else ""
