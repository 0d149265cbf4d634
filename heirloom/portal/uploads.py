"""The files of a form, as services take them."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile

SOURCE = "portal"


class Uploads:
    """The files of a form as services take them; `current` names the one that is being read."""

    def __init__(self, files: Sequence["UploadedFile[Any]"]) -> None:
        self.files = files
        self.current = ""

    def __iter__(self) -> Iterator[Iterator[bytes]]:
        for file in self.files:
            self.current = file.name or ""
            yield file.chunks()
        self.current = ""
