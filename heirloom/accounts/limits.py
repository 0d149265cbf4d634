"""Whom a caller may search among."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GalleryLimit:
    """The only people that a caller may find or name: these, and whoever is in one of these departments."""

    person_ids: frozenset[uuid.UUID] = frozenset()
    departments: frozenset[str] = frozenset()
