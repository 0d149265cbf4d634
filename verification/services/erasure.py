"""What verifications hold of a person, removed."""

from django.db import transaction
from django.db.models import Q, QuerySet

from enrollment.models import Capture, Person
from enrollment.services.erasure import erase_captures
from heirloom.crypto import files
from heirloom.decision.verification import Outcome
from heirloom.jobs import services as jobs
from heirloom.reviews.models import Review
from verification.models import EvidenceClip, EvidenceFrame, Verification
from verification.services.verifications import end_erased


def end_work(person: Person) -> int:
    """End the jobs of verifications about a person and of their clips; return how many there were."""
    ids = list(_about(person).values_list("id", flat=True))
    kinds = ("verification", "evidence_clip")
    return sum(jobs.cancel_all(kind=kind, subject_ids=ids, code="person_erased") for kind in kinds)


def _about(person: Person) -> QuerySet[Verification]:
    """Return the verifications that claimed this person, or took somebody for them."""
    found = Q(candidates__person=person, candidates__rank=1, outcome__in=[Outcome.APPROVED, Outcome.NEEDS_REVIEW])
    return Verification.objects.filter(pk__in=Verification.objects.filter(Q(person=person) | found).values("id"))


@transaction.atomic
def forget(*, person: Person) -> int:
    """Remove all that shows a person from the verifications that claimed or found this person; return how many.

    Captures, frames, clips and reviews go. The rows stay, with their outcome and without anybody in them; those that
    waited end here, and whoever asked is told.
    """
    # Locked, so that a job that is about to conclude one finds it forgotten, or is found concluded.
    rows = list(_about(person).order_by("pk").select_for_update(no_key=True))
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
    for row in rows:
        row.refresh_from_db(fields=["capture"])
        end_erased(row)
    return len(rows)
