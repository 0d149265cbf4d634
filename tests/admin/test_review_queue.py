"""The queue: what waits, the oldest day first, the riskiest first within it."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from heirloom.reviews.models import Review
from tests.admin.conftest import waiting
from tests.cast import Cast
from tests.portal.conftest import text_of

URL = "/admin/reviews/review/"


def order_on_page(client: Client, *reviews: Review, query: str = "") -> list[Review]:
    page = client.get(URL + query).content.decode()
    shown = [review for review in reviews if str(review.id) in page]
    return sorted(shown, key=lambda review: page.index(str(review.id)))


def test_the_oldest_day_comes_first_and_the_riskiest_within_it(rhea: Client, cast: Cast) -> None:
    low, high, old = waiting(cast, risk=0.2), waiting(cast, risk=0.9), waiting(cast, risk=0.1)
    Review.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    assert order_on_page(rhea, low, high, old) == [old, high, low]


def test_decided_cases_leave_the_queue_and_can_be_looked_up(rhea: Client, cast: Cast) -> None:
    still, done = waiting(cast), waiting(cast)
    rhea.post(f"{URL}{done.id}/change/", {"act": "rejected", "reason_code": "poor_evidence"})
    assert order_on_page(rhea, still, done) == [still]
    assert order_on_page(rhea, still, done, query="?state=decided") == [done]
    assert len(order_on_page(rhea, still, done, query="?state=all")) == 2


def test_it_says_why_and_who_holds_a_case(rhea: Client, cast: Cast) -> None:
    review = waiting(cast, reasons=("presentation_attack",))
    rhea.post(f"{URL}{review.id}/change/", {"act": "claim"})
    page = text_of(rhea.get(URL))
    assert "The picture looks like a photo, screen or mask." in page
    assert "rhea" in page


def test_a_full_page_takes_as_many_queries_as_a_short_one(
    rhea: Client, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        waiting(cast)
    with django_assert_max_num_queries(12):
        rhea.get(URL)


def test_nothing_is_added_deleted_or_done_in_bulk(rhea: Client, ada: Client, cast: Cast) -> None:
    review = waiting(cast)
    for client in (rhea, ada):
        assert client.get(f"{URL}add/").status_code == 403
        assert client.post(f"{URL}{review.id}/delete/", {"post": "yes"}).status_code == 403
        assert 'name="action"' not in client.get(URL).content.decode()
    assert Review.objects.exists()


def test_hr_and_client_apps_do_not_see_it(hana: Client, cleo: Client, cast: Cast) -> None:
    review = waiting(cast)
    for client in (hana, cleo):
        for url in (URL, f"{URL}{review.id}/change/"):
            assert client.get(url).status_code == 302


def test_the_first_page_counts_what_waits(rhea: Client, cast: Cast) -> None:
    waiting(cast)
    page = text_of(rhea.get("/admin/"))
    assert "1 waiting" in page
    assert "Logins" not in page
