"""The enrolled people as labelled templates, for measuring a policy on an organisation's own faces."""

from itertools import groupby

import numpy as np

from enrollment.models import FaceTemplate
from enrollment.services.templates import CONTEXT
from heirloom.crypto import services as crypto
from heirloom.evaluation.gallery import Gallery


def enrolled_gallery(*, model: str, most_people: int | None = None) -> Gallery:
    """Return the exact active templates of everybody enrolled with a model, in memory alone; people are numbered.

    Raises ValueError where nobody is.
    """
    rows = FaceTemplate.objects.active().filter(model=model).order_by("person_id", "id")
    sealed = rows.values_list("person_id", "vector_sealed").iterator()
    vectors, people = [], []
    for number, (person_id, of_person) in enumerate(groupby(sealed, key=lambda row: row[0])):
        if most_people is not None and number >= most_people:
            break
        for _, one in of_person:
            vectors.append(np.frombuffer(crypto.unseal(subject=person_id, sealed=bytes(one), context=CONTEXT), "<f4"))
            people.append(number)
    if not vectors:
        raise ValueError(f"nobody is enrolled with {model}")
    return Gallery(np.stack(vectors).astype(np.float32), np.array(people, dtype=np.int64))
