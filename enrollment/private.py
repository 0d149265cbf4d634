"""What is noted of a person and nobody searches by: mail address and metadata, sealed under the person's own key.

So they go with the key when the person is erased. Services are the only writers; whoever shows many people opens theirs
together by `open_all`, for one query.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place

if TYPE_CHECKING:
    from enrollment.models import Person

FIELDS = ("email", "metadata")
LONGEST_EMAIL = 254


@dataclass(frozen=True, slots=True)
class Private:
    email: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.email and not self.metadata


def place_of(person_id: uuid.UUID) -> Place:
    return Place("enrollment_person.private", (str(person_id),))


def sealed(person_id: uuid.UUID, noted: Private) -> bytes | None:
    """Return what is kept; None for nothing. Raises as crypto.seal does."""
    if noted.is_empty:
        return None
    plaintext = json.dumps(asdict(noted), ensure_ascii=False).encode()
    return crypto.seal(subject=person_id, plaintext=plaintext, place=place_of(person_id))


def opened(person: "Person") -> Private:
    """Return what is noted of one person, nothing of whom was erased meanwhile. Raises as crypto.unseal does."""
    if person.private_sealed is None:
        return Private(person.plain_email, person.plain_metadata)
    kept = bytes(person.private_sealed)
    try:
        return _read(crypto.unseal(subject=person.id, sealed=kept, place=place_of(person.id)))
    except crypto.KeyDestroyedError:
        return Private()


def open_all(people: Sequence["Person"]) -> None:
    """Open what is noted of several people, whose rows then have it at hand. Raises as crypto.unseal_each does."""
    kept = {one.id: (place_of(one.id), bytes(one.private_sealed)) for one in people if one.private_sealed is not None}
    plain = crypto.unseal_each(sealed=kept) if kept else {}
    for person in people:
        if person.private_sealed is not None:
            person.hold_private(_read(plain[person.id]) if person.id in plain else Private())


def _read(plaintext: bytes) -> Private:
    return Private(**json.loads(plaintext))
