"""What is held on a person, as bytes that are looked for on a disk, and what the ring still opens of it.

python -m bench.intrusion.held marks PERSON_ID, or: opens, with a copied row on standard input
"""

import json
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enrollment.models import Person


def marks_of(person: "Person") -> dict[str, bytes]:
    """Return the bytes by which what is held on a person is known on a disk, by what they are.

    pgvector writes the numbers of a halfvec in half precision, the lower byte first.
    """
    import numpy as np  # noqa: PLC0415

    from enrollment.models import PersonTemplate  # noqa: PLC0415
    from heirloom.crypto.models import DataKey  # noqa: PLC0415

    template = PersonTemplate.objects.get(person=person)
    return {
        "name": person.full_name.encode(),
        "name in capitals": person.full_name.upper().encode(),
        "number": str(person.employee_id).encode(),
        "sealed mail address and metadata": bytes(person.private_sealed or b""),
        "search vector": np.asarray(template.vector, dtype="<f2").tobytes(),
        "sealed template": bytes(template.vector_sealed),
        "wrapped key": bytes(DataKey.objects.get(subject=person.pk).wrapped or b""),
    }


def opened_by_what_is_left(row: dict[str, str]) -> bool:
    """Say whether a copied row of a data key opens with the ring, alone or with any share that is still there."""
    from uuid import UUID  # noqa: PLC0415

    from heirloom.crypto import services, shares  # noqa: PLC0415
    from heirloom.crypto.keys import ring  # noqa: PLC0415
    from heirloom.crypto.models import DataKey  # noqa: PLC0415

    copy = DataKey(subject=UUID(row["subject"]), ring_key=row["ring_key"])
    store = shares.store()
    names = [
        f"{shares.FOLDER}/{folder}/{name}"
        for folder in store.listdir(shares.FOLDER)[0]
        for name in store.listdir(f"{shares.FOLDER}/{folder}")[1]
    ]
    left = []
    for name in names:
        with store.open(name) as file:
            left.append(file.read())
    secret = ring().get(copy.ring_key).secret
    return any(_opens(services, secret, share, row["wrapped"], copy) for share in (None, *left))


def _opens(services: Any, secret: bytes, share: bytes | None, wrapped: str, copy: Any) -> bool:
    cipher = services.AESGCM(services._wrapping(secret, share))
    try:
        services._open(cipher, bytes.fromhex(wrapped), services._wrapped_for(copy))
    except services.SealBrokenError:
        return False
    return True


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
    import django  # noqa: PLC0415

    django.setup()
    from django.db import connection  # noqa: PLC0415

    from enrollment.models import Person  # noqa: PLC0415
    from heirloom.crypto.models import DataKey  # noqa: PLC0415

    what, *more = sys.argv[1:]
    if what == "marks":
        person = Person.objects.get(pk=more[0])
        row = DataKey.objects.get(subject=person.pk)
        key = {"subject": str(row.subject), "ring_key": row.ring_key, "wrapped": bytes(row.wrapped or b"").hex()}
        marks = {name: mark.hex() for name, mark in marks_of(person).items()}
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
            cursor.execute("CHECKPOINT")
        print(json.dumps({"marks": marks, "key": key}))
    else:
        print(json.dumps(opened_by_what_is_left(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
