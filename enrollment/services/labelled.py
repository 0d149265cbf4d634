"""The enrolled people as labelled templates, for measuring a policy on an organisation's own faces."""

from itertools import groupby

import numpy as np

from enrollment.models import FaceTemplate
from enrollment.services.templates import of_template
from heirloom.crypto import services as crypto
from heirloom.evaluation.gallery import Gallery


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
