"""What verifications hold of a person, for that person to read; nothing in it is of anybody else."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from enrollment.models import Person
from enrollment.services.disclosure import Document, file_of, listed
from heirloom.crypto import files
from heirloom.decision.sight import LOOK
from verification.models import Candidate, Challenge, EvidenceFrame, Verification
from verification.services import evidence

FACTS = (
    "id", "mode", "model", "policy", "policy_caveats", "similarity", "threshold", "confidence", "attack_outcome",
    "outcome", "decision", "reasons", "created_at", "finished_at", "decided_at",
)  # fmt: skip
CHALLENGES = ("id", "verification_id", "kinds", "issued_at", "expires_at", "used_at")
SEARCHES = ("verification_id", "rank", "similarity", "verification__created_at")


def documents(person: Person) -> Iterator[Document]:
    """Give all files about a person: who claimed to be them, and which searches found them.

    Of the pictures those alone of which it was decided that they show this person: others may show somebody else.
    """
    claims = Verification.objects.filter(person=person)
    yield listed("verifications.json", map(_seen, claims.values(*FACTS).iterator(chunk_size=1000)))
    searches = Candidate.objects.filter(person=person).values(*SEARCHES)
    yield listed("searches.json", map(_search, searches.iterator(chunk_size=1000)))
    yield listed("challenges.json", Challenge.objects.filter(person=person).values(*CHALLENGES))
    for verification in showing(person).select_related("capture").iterator(chunk_size=100):
        capture = verification.capture
        if capture is None or not capture.storage_name:
            continue
        yield file_of(capture, f"verifications/{verification.id}/capture")
        for frame in EvidenceFrame.objects.filter(verification=verification):
            chunks = files.read(subject=capture.subject, name=frame.storage_name, place=evidence.place_of(frame))
            yield Document(f"verifications/{verification.id}/frame-{frame.number}.jpg", chunks, is_text=False)


def showing(person: Person) -> QuerySet[Verification]:
    """Return the verifications of which it was decided that they show this person."""
    found = Candidate.objects.filter(person=person, rank=1).values("verification")
    return Verification.objects.filter(Q(person=person) | Q(pk__in=found), decision=Verification.Decision.APPROVED)


def about(person: Person) -> QuerySet[Verification]:
    """Return the verifications that claimed this person, or were decided to show them."""
    return Verification.objects.filter(Q(person=person) | Q(pk__in=showing(person).values("pk")))


def _search(row: dict[str, Any]) -> dict[str, Any]:
    row["created_at"] = row.pop("verification__created_at")
    return _seen(row)


def _seen(row: dict[str, Any]) -> dict[str, Any]:
    """What is handed out may get lost, and raw numbers are worth a template; that one is exported by name alone."""
    certainty = {"confidence": LOOK.confidence(row["confidence"], row["similarity"])} if "confidence" in row else {}
    return {**row, **certainty, "similarity": LOOK.similarity(row["similarity"])}
