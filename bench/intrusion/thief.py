"""Run by `at_rest` on the instance's data: python -m bench.intrusion.thief PHOTO PERSON.

Prints one line of JSON. What is written is rolled back.
"""

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

CANARIES = ("canary.of.the.thief", "canary-badge-8271")


def main() -> None:
    import django  # noqa: PLC0415

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heirloom.settings")
    django.setup()
    photo, person = Path(sys.argv[1]).read_bytes(), sys.argv[2]
    rows, files = _all_rows(), _all_files()
    read = sorted(_read(photo, rows, files))
    moved, opened = _moved(person)
    told = {"rows": len(rows), "files": len(files), "read": read, "moved": moved, "opened": opened}
    sys.stdout.write(json.dumps(told) + "\n")


def _all_rows() -> list[str]:
    from django.db import connection  # noqa: PLC0415

    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t')
            rows += [row[0] for row in cursor.fetchall()]
    return rows


def _all_files() -> list[bytes]:
    from django.conf import settings  # noqa: PLC0415

    root = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    return [path.read_bytes() for path in root.rglob("*") if path.is_file()]


def _read(photo: bytes, rows: list[str], files: list[bytes]) -> Iterator[str]:
    """Give what of the person stands somewhere in a form that whoever has the photo or knows the mail recognises."""
    from enrollment.services.captures import limits  # noqa: PLC0415
    from heirloom.media.image import read_still  # noqa: PLC0415
    from heirloom.vision.fingerprint import perceptual_hash  # noqa: PLC0415

    text = "\n".join(rows)
    wanted = {
        **dict.fromkeys(CANARIES, "a canary"),
        hashlib.sha256(photo).hexdigest(): "the photo's SHA-256",
        str(perceptual_hash(read_still(photo, limits()).image)): "the photo's perceptual hash",
    }
    yield from (what for secret, what in wanted.items() if secret in text or secret.encode().hex() in text)
    yield from ("the photo" for one in files if photo[1000:1100] in one)


def _moved(person_id: str) -> tuple[list[str], list[str]]:
    """Move each thing in a transaction that is rolled back, and try to open it there."""
    from django.db import transaction  # noqa: PLC0415

    from heirloom.errors import Refusal  # noqa: PLC0415

    moved, opened = [], []
    for name, move in _moves(person_id).items():
        with transaction.atomic():
            moved.append(name)
            try:
                move()
                opened.append(name)
            except Refusal as refusal:
                if refusal.code != "seal_broken":
                    raise
            finally:
                transaction.set_rollback(True)
    return moved, opened


def _moves(person_id: str) -> dict[str, Callable[[], Any]]:
    from enrollment.models import Capture, FaceTemplate, Person, PersonTemplate  # noqa: PLC0415
    from enrollment.services import captures, templates  # noqa: PLC0415
    from heirloom.crypto import services as crypto  # noqa: PLC0415

    person = Person.objects.get(pk=person_id)
    mean = PersonTemplate.objects.get(person=person)
    means = PersonTemplate.objects.filter(pk=mean.pk)

    def a_template_to_the_mean() -> None:
        row = FaceTemplate.objects.active().get(person=person)
        means.update(vector_sealed=bytes(row.vector_sealed))
        templates.reference(person=person, model=mean.model)

    def a_mean_to_another_count() -> None:
        means.update(reference_count=5)
        templates.reference(person=person, model=mean.model)

    def a_mean_to_another_model() -> None:
        means.update(model="another")
        templates.reference(person=person, model="another")

    def a_template_to_another_row() -> None:
        FaceTemplate.objects.filter(person=person).update(id=uuid.uuid4())
        templates.refresh(person=person, model=mean.model)

    def a_file_to_another_row() -> None:
        FaceTemplate.objects.filter(person=person).delete()
        Capture.objects.filter(person=person).update(id=uuid.uuid4())
        captures.read_bytes(Capture.objects.get(person=person))

    def private_details_to_another_person() -> None:
        other = Person.objects.create(full_name="The thief", private_sealed=bytes(person.private_sealed or b""))
        crypto.data_key(other.id, make=True)
        _ = Person.objects.get(pk=other.pk).email

    moves = (
        a_template_to_the_mean,
        a_mean_to_another_count,
        a_mean_to_another_model,
        a_template_to_another_row,
        a_file_to_another_row,
        private_details_to_another_person,
    )
    return {move.__name__.replace("_", " "): move for move in moves}


if __name__ == "__main__":
    main()
