"""What uploads keep sealed, for `heirloom.crypto.renewal`."""

from heirloom.crypto.renewal import Column, Step
from heirloom.uploads.models import Upload
from heirloom.uploads.services import metadata_place


def steps() -> list[Step]:
    return [Column("uploads", Upload.objects.all(), "metadata_sealed", lambda row: row.id, metadata_place)]
