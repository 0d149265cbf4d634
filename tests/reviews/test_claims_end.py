"""Nobody who is away keeps a case."""

from datetime import timedelta

import pytest
from django.utils import timezone

from heirloom.reviews.models import Review
from heirloom.reviews.services import CLAIM_LASTS, claim, decide, holder, open_review
from tests.cast import make_cast
from verification.models import Verification


@pytest.mark.django_db
def test_a_claim_of_one_who_is_gone_ends_by_itself() -> None:
    cast = make_cast()
    sent = Verification.objects.create(owner=cast.cleo, mode="verification", outcome="needs_review")
    case = open_review(kind="verification", subject_id=sent.id, reasons=("challenge_alone",), risk=0.2)
    claim(review_id=case.id, reviewer=cast.rhea)
    cast.rhea.is_active = False
    cast.rhea.save()
    Review.objects.update(claimed_at=timezone.now() - CLAIM_LASTS - timedelta(seconds=1))
    case.refresh_from_db()
    assert holder(case) is None
    done = decide(review_id=case.id, reviewer=cast.ada, verdict="rejected", reason_code="poor_evidence")
    assert done.decided_by == cast.ada
