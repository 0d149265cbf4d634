"""What enrollment keeps sealed, column by column, for `heirloom.crypto.renewal`."""

from enrollment.models import FaceTemplate, ImportRow, PersonTemplate
from enrollment.services.imports.files import cells_place
from enrollment.services.templates import of_mean, of_template
from heirloom.crypto.renewal import Column, Step


def steps() -> list[Step]:
    return [
        Column("templates", FaceTemplate.objects.all(), "vector_sealed", lambda row: row.person_id, of_template),
        Column("means", PersonTemplate.objects.all(), "vector_sealed", lambda row: row.person_id, of_mean),
        Column("import lines", ImportRow.objects.all(), "cells_sealed", lambda row: row.batch_id, cells_place),
    ]
