"""What a 1:N search is asked for."""

from dataclasses import dataclass
from typing import Any

from heirloom.accounts.limits import GalleryLimit
from verification.models import CANDIDATES_KEPT


@dataclass(frozen=True, slots=True)
class Search:
    """What a 1:N search is asked for.

    pack: "" = the one active at that time. among: whom alone it may find; None: everybody that the caller may.
    least_similarity: candidates less alike are kept for reviewers and not told.
    """

    pack: str = ""
    among: GalleryLimit | None = None
    top_k: int = CANDIDATES_KEPT
    least_similarity: float = 0.0

    @property
    def fields(self) -> dict[str, Any]:
        """Return it as the fields of a Verification."""
        return {
            "pack": self.pack,
            "searched_ids": None if self.among is None else sorted(self.among.person_ids),
            "searched_departments": None if self.among is None else sorted(self.among.departments),
            "top_k": self.top_k,
            "least_similarity": self.least_similarity,
        }


EVERYBODY = Search()
