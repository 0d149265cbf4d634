"""What can go wrong, as a person or a client app is told of it: one stable code each, a table for each subject."""

from heirloom.errors.code import Code
from heirloom.errors.faces import FACES
from heirloom.errors.installation import INSTALLATION
from heirloom.errors.received import RECEIVED
from heirloom.errors.requests import REQUESTS

__all__ = ["CODES", "Code", "Refusal"]

CODES: dict[str, Code] = {**RECEIVED, **FACES, **REQUESTS, **INSTALLATION}


class Refusal(Exception):
    """Something asked for cannot be done, for a reason the asker may know.

    `code` is one of CODES; `attr` names the field at fault; `retry_after` is in seconds.
    """

    def __init__(self, code: str, detail: str = "", *, attr: str | None = None, retry_after: int | None = None) -> None:
        self.code = code
        self.entry = CODES[code]
        self.detail = detail or self.entry.text
        self.attr = attr
        self.retry_after = retry_after
        super().__init__(code, self.detail)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.code, self.detail, self.attr, self.retry_after)

    @property
    def status(self) -> int:
        return self.entry.status


def _rebuilt(code: str, detail: str, attr: str | None, retry_after: int | None) -> Refusal:
    return Refusal(code, detail, attr=attr, retry_after=retry_after)
