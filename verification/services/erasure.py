"""What verifications hold of a person, removed."""

from django.db import transaction
from django.db.models import Q

from enrollment.models import Capture, Person
from enrollment.services.erasure import erase_captures
from heirloom.crypto import files
from heirloom.decision.verification import Outcome
from heirloom.reviews.models import Review
from verification.models import EvidenceClip, EvidenceFrame, Verification


@transaction.atomic
def forget(*, person: Person) -> int:
    """Remove all that shows a person from the verifications that claimed or found this person; return how many.

    Captures, frames, clips and reviews go. The rows stay, with their outcome and without anybody in them.
    """
    found = Q(candidates__person=person, candidates__rank=1, outcome__in=[Outcome.APPROVED, Outcome.NEEDS_REVIEW])
    about = Verification.objects.filter(Q(person=person) | found).values("id")
    # Locked, so that a job that is about to conclude one finds it forgotten, or is found concluded.
    rows = list(Verification.objects.filter(pk__in=about).order_by("pk").select_for_update(no_key=True))
    shown = list(Capture.objects.filter(pk__in=[row.capture_id for row in rows]))
    frames = EvidenceFrame.objects.filter(verification__in=rows)
    names = list(frames.values_list("storage_name", flat=True))
    frames.delete()
    clips = EvidenceClip.objects.filter(verification__in=rows)
    names += [name for clip in clips for name in clip.file_names]
    clips.delete()
    Review.objects.filter(kind="verification", subject_id__in=[row.id for row in rows]).delete()
    erase_captures(shown)
    files.forget(names)
    return len(rows)
