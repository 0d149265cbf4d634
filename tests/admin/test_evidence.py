"""Pictures of a case: for reviewers alone, of this case alone, and never unnoticed."""

from io import BytesIO

from django.test import Client
from PIL import Image as PillowImage

from enrollment.models import Capture
from heirloom.audit.models import Action, AuditEvent
from heirloom.reviews.models import Review
from tests.admin.conftest import waiting
from tests.cast import Cast
from tests.portal.conftest import signed_in
from verification.models import Verification


def address(review: Review, key: str) -> str:
    return f"/admin/reviews/review/{review.id}/picture/{key}/"


def reference() -> str:
    return f"capture-{Capture.objects.exclude(person=None).latest('received_at').id}"


def test_a_reviewer_sees_the_probe_and_the_reference_and_both_are_noted(
    rhea: Client, suspicious: Review, cast: Cast
) -> None:
    for key in ("frame-0", reference()):
        answer = rhea.get(address(suspicious, key))
        assert "no-store" in answer.headers["Cache-Control"]
        with PillowImage.open(BytesIO(answer.content)) as picture:
            assert picture.format == "JPEG"
    viewed = AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED, actor_id=str(cast.rhea.pk))
    assert [event.subject_kind for event in viewed.order_by("sequence")] == ["verification", "person"]


def test_every_picture_on_the_page_is_there(rhea: Client, suspicious: Review) -> None:
    page = rhea.get(f"/admin/reviews/review/{suspicious.id}/change/").content.decode()
    addresses = {part.split('"')[0] for part in page.split('src="')[1:] if "/picture/" in part.split('"')[0]}
    assert len(addresses) == 3
    for one in addresses:
        assert rhea.get(one).status_code == 200


def test_the_page_says_of_every_check_whether_it_may_vouch(rhea: Client, suspicious: Review) -> None:
    verification = Verification.objects.get(pk=suspicious.subject_id)
    said = {"score": None, "why": "", "detail": ""}
    verification.signals = [
        {"detector": "minifasnet", "outcome": "bona_fide", **said},
        {"detector": "deep-tree", "outcome": "suspicious", **said},
    ]
    verification.save()
    page = " ".join(rhea.get(f"/admin/reviews/review/{suspicious.id}/change/").content.decode().split())
    assert "(MiniFASNet)</strong> <small>(may vouch)</small> looks live" in page
    assert "(deep tree)</strong> <small>(can only accuse)</small> worth a look" in page


def test_the_page_says_whom_the_policy_that_decided_may_fail(rhea: Client, suspicious: Review) -> None:
    Verification.objects.filter(pk=suspicious.subject_id).update(policy_caveats=["groups_unequal"])
    page = rhea.get(f"/admin/reviews/review/{suspicious.id}/change/").content.decode()
    assert "strangers are taken for each other far more often than in all" in page


def test_a_picture_of_another_case_is_not_found(rhea: Client, suspicious: Review, cast: Cast) -> None:
    other = waiting(cast)
    for key in ("frame-0", "frame-9", reference(), "capture-x", "x"):
        assert rhea.get(address(other, key)).status_code == 404


def test_others_see_nothing_and_nothing_is_noted(hana: Client, cleo: Client, suspicious: Review, cast: Cast) -> None:
    for client in (hana, cleo):
        assert client.get(address(suspicious, "frame-0")).status_code == 302
    cast.hana.is_staff = True
    cast.hana.save()
    assert signed_in(cast.hana).get(address(suspicious, "frame-0")).status_code == 403
    assert not AuditEvent.objects.filter(action=Action.EVIDENCE_VIEWED).exists()


def test_an_erased_picture_is_not_found(rhea: Client, suspicious: Review) -> None:
    Verification.objects.update(capture=None)
    assert rhea.get(address(suspicious, "frame-0")).status_code == 404
