"""What verifications hold of a person, removed."""

from django.db import transaction
from django.db.models import Q

from enrollment.models import Person
from enrollment.services.erasure import erase_captures
from heirloom.crypto import files
from heirloom.decision.verification import Outcome
from heirloom.reviews.models import Review
from verification.models import EvidenceFrame, Verification


@transaction.atomic
def forget(*, person: Person) -> int:
    """Remove the captures, frames and reviews of every verification that claimed or found this person; return how many.

    The rows stay, with their outcome and without anybody in them.
    """
    found = Q(candidates__person=person, candidates__rank=1, outcome__in=[Outcome.APPROVED, Outcome.NEEDS_REVIEW])
    rows = list(Verification.objects.filter(Q(person=person) | found).select_related("capture").distinct())
    frames = EvidenceFrame.objects.filter(verification__in=rows)
    names = list(frames.values_list("storage_name", flat=True))
    frames.delete()
    Review.objects.filter(kind="verification", subject_id__in=[row.id for row in rows]).delete()
    erase_captures([row.capture for row in rows if row.capture is not None])
    transaction.on_commit(lambda: files.delete_all(names))
    return len(rows)
