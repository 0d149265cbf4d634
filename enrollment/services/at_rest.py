"""What enrollment keeps sealed, column by column, and keyed, for `heirloom.crypto.renewal`."""

import uuid
from collections.abc import Iterator, Sequence

from django.db import models, transaction

from enrollment import private
from enrollment.models import Capture, FaceTemplate, ImportRow, Person, PersonTemplate
from enrollment.private import Private
from enrollment.services.imports.files import cells_place
from enrollment.services.templates import of_mean, of_template
from heirloom.crypto import rewriting
from heirloom.crypto.marks import marks
from heirloom.crypto.renewal import BATCH, Column, Renewed, Step
from heirloom.crypto.services import KeyDestroyedError


class PlainHashes:
    """Captures whose hashes are kept as they were before: unkeyed."""

    name = "hashes of captures"

    def left(self) -> int:
        return Capture.objects.marked_before().count()

    def renew(self) -> Iterator[Renewed]:
        rows = Capture.objects.marked_before().order_by("pk").select_for_update(skip_locked=True, no_key=True)
        keyed = marks()
        while True:
            with transaction.atomic():
                batch = list(rows[:BATCH])
                for row in batch:
                    row.bytes_mark = row.bytes_mark or keyed.of_bytes(row.sha256)
                    row.looks_marks = row.looks_marks or keyed.of_looks(row.perceptual_hashes)
                    row.sha256, row.perceptual_hashes = "", []
                _leave_the_disk(batch)
                Capture.objects.bulk_update(batch, ["bytes_mark", "looks_marks", "sha256", "perceptual_hashes"])
            if not batch:
                return
            yield Renewed(len(batch))


class PlainDetails:
    """People whose mail address and metadata are kept as they were before: plain."""

    name = "details of people"

    def left(self) -> int:
        return Person.objects.noted_before().count()

    def renew(self) -> Iterator[Renewed]:
        rows = Person.objects.noted_before().order_by("pk").select_for_update(skip_locked=True, no_key=True)
        last = uuid.UUID(int=0)
        while True:
            with transaction.atomic():
                batch = list(rows.filter(pk__gt=last)[:BATCH])
                renewed = [person for person in batch if _sealed(person)]
                _leave_the_disk(renewed)
                Person.objects.bulk_update(renewed, ["private_sealed", "plain_email", "plain_metadata"])
            if not batch:
                return
            last = batch[-1].id
            yield Renewed(len(renewed), len(batch) - len(renewed))


def _leave_the_disk(rows: Sequence[models.Model]) -> None:
    """Have the rows as they were before leave the database's files too, once the caller's transaction has ended."""
    if rows:
        rewriting.ask([rows[0]._meta.db_table])


def _sealed(person: Person) -> bool:
    """Seal what is noted of a person, unless that is done; say whether it could be: not of whoever has no key."""
    try:
        if person.private_sealed is None:
            person.private_sealed = private.sealed(person.id, Private(person.plain_email, person.plain_metadata))
    except KeyDestroyedError:
        return False
    person.plain_email, person.plain_metadata = "", {}
    return True


def steps() -> list[Step]:
    return [
        PlainHashes(),
        PlainDetails(),
        Column("templates", FaceTemplate.objects.all(), "vector_sealed", lambda row: row.person_id, of_template),
        Column("means", PersonTemplate.objects.all(), "vector_sealed", lambda row: row.person_id, of_mean),
        Column("import lines", ImportRow.objects.all(), "cells_sealed", lambda row: row.batch_id, cells_place),
    ]
