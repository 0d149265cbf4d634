"""Where sealed bytes stand. They open there and nowhere else, so that nobody who can write rows may move them."""

import json
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Place:
    """A column, and what tells the row from every other and says what its sealed bytes are, such as the model.

    column: "table.column". row: in an order of the column's own; numbers and ids as text.
    former: the context under which version 1 sealed there; None where no such bytes can be left.
    """

    column: str
    row: tuple[str, ...]
    former: bytes | None = None

    def bound_to(self, subject: UUID) -> bytes:
        """Return what is authenticated with the bytes: one text for one place, whatever stands in its parts."""
        return b"heirloom data 2 " + json.dumps([str(subject), self.column, *self.row]).encode()
