"""The trust page in Django admin: to be read by those who decide and those who audit."""

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from enrollment.models import Person
from heirloom.portal.navigation import sidebar
from heirloom.trust import services
from heirloom.trust.models import Report, Watch
from tests.cast import Cast
from tests.portal.conftest import signed_in, text_of

LIST = "/admin/trust/report/"


def trust_item() -> dict[str, Any]:
    return next(item for group in sidebar(HttpRequest()) for item in group["items"] if item["title"] == "Trust")


def page_of(report: Report) -> str:
    return f"{LIST}{report.pk}/change/"


def test_a_reviewer_reads_what_was_measured_and_what_that_does_not_show(crowd: list[Person], rhea: Client) -> None:
    page = text_of(rhea.get(page_of(services.make())))
    assert "Signature holds" in page
    assert "FMR at the threshold for 0.0001" in page
    assert "nothing of strangers" in page


def test_the_sidebar_leads_to_the_last_night(cast: Cast, rhea: Client) -> None:
    services.make(now=timezone.now() - timedelta(days=1))
    last = services.make()
    assert page_of(last) in text_of(rhea.get("/admin/"))


def test_no_moved_rate_and_no_badge(cast: Cast) -> None:
    assert "badge" not in trust_item()
    services.make()
    assert "badge" not in trust_item()


def test_a_report_that_was_changed_is_told(rhea: Client) -> None:
    report = services.make()
    Report.objects.update(body=report.body.replace('"people":0', '"people":9'))
    assert "Signature does not hold" in text_of(rhea.get(page_of(report)))


def test_a_moved_rate_is_told_on_the_page_and_in_the_sidebar(rhea: Client, cast: Cast) -> None:
    now = timezone.now()
    policy = services.reporting.in_force().policy_name
    Watch.objects.create(
        name="reviewed", policy=policy, since=now, seen_at=now, seen_id="00000000-0000-4000-8000-000000000000",
        baseline=0.1, rise=21.0, events=4000, hits=600, alarmed_after=3900, alarmed_at=now,
    )  # fmt: skip
    report = services.make()
    page = text_of(rhea.get(page_of(report)))
    assert trust_item()["badge"] == "1"
    assert "A rate has moved" in page
    assert "manage.py trust baseline" in page


def test_nothing_is_written_there(rhea: Client, cast: Cast) -> None:
    report = services.make()
    ada = signed_in(cast.ada)
    for client in (rhea, ada):
        assert client.post(page_of(report), {"body": "x"}).status_code == 403
        assert client.post(f"{LIST}{report.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Report.objects.get().body == report.body


@pytest.mark.parametrize("who", ["hana", "cleo"])
def test_others_do_not_see_it(cast: Cast, who: str) -> None:
    report = services.make()
    assert signed_in(getattr(cast, who)).get(page_of(report)).status_code in {302, 403}
