"""The night's report: rates with how many stand behind them, groups that hide everybody, and no person in it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from enrollment.models import Person
from heirloom.audit.models import Action, AuditEvent
from heirloom.trust import services
from heirloom.trust.models import Report
from tests.trust.conftest import Attempted

pytestmark = pytest.mark.django_db


def told(report: Report) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(report.body)["figures"]}


def test_the_people_enrolled_are_measured_at_the_threshold_in_force(crowd: list[Person]) -> None:
    figures = told(services.make())
    fmr, fnmr = figures["fmr_1_1"], figures["fnmr_1_1"]
    assert (fmr["n"], fmr["people"]) == (24 * 23 // 2, 24)
    assert fnmr["n"] == 24
    assert fmr["low"] <= fmr["value"] <= fmr["high"]
    assert "nothing of strangers" in fmr["not_shown"]


def test_reviewers_words_show_what_the_machine_got_wrong(crowd: list[Person], attempted: Attempted) -> None:
    for person in crowd[:18]:
        attempted(person)
    for person in crowd[:2]:
        attempted(person, "needs_review", score=0.93, verdict="approved", reason="same_person")
    for person in crowd[:12]:
        attempted(
            person, "needs_review", attack_outcome="inconclusive", verdict="approved", reason="attack_not_confirmed"
        )
        attempted(person, "needs_review", verdict="rejected", reason="different_person")
        attempted(person, "needs_review", attack_outcome="attack", verdict="rejected", reason="attack_confirmed")
    attempted(crowd[0], "needs_review", verdict="rejected", reason="attack_confirmed")
    figures = told(services.make())
    assert (figures["not_approved_genuine"]["value"], figures["not_approved_genuine"]["n"]) == (14 / 32, 32)
    assert (figures["bpcer"]["value"], figures["bpcer"]["n"]) == (12 / 32, 32)
    assert (figures["apcer"]["value"], figures["apcer"]["n"]) == (1 / 13, 13)
    assert (figures["matches_of_others"]["value"], figures["matches_of_others"]["n"]) == (12 / 37, 37)


def test_of_fewer_than_ten_people_no_rate_is_told(crowd: list[Person], attempted: Attempted) -> None:
    for person in crowd[:9]:
        attempted(person)
    figure = told(services.make())["bpcer"]
    assert (figure["value"], figure["n"], figure["people"]) == (None, None, None)
    assert "Fewer than 10 people" in figure["caution"]


def test_attempts_under_another_policy_are_not_counted(crowd: list[Person], attempted: Attempted) -> None:
    for person in crowd:
        attempted(person, policy="another@2026-01-01")
    assert json.loads(services.make().body)["attempts"]["counted"] == 0


def test_groups_of_few_people_are_told_of_with_others_alone(
    crowd: list[Person], attempted: Attempted, settings: Settings
) -> None:
    settings.TRUST_SLICES = ["site"]
    for person in crowd:
        attempted(person)
    (by_site,) = json.loads(services.make().body)["slices"]
    # Basel has eight people: by itself it would be read off, and so would it from Bern and all people.
    assert by_site["by"] == "site"
    assert {one["name"].split(":")[1] for one in by_site["groups"]} == {"others"}


def test_no_person_stands_in_it(crowd: list[Person], attempted: Attempted, settings: Settings) -> None:
    settings.TRUST_SLICES = ["site", "department"]
    for person in crowd:
        attempted(person)
    body = services.make().body
    for person in crowd:
        assert str(person.id) not in body
        assert person.full_name not in body


def test_one_is_made_each_night_and_leaves_an_event(crowd: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    noon = timezone.now().replace(hour=12)
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon)
    assert [services.make_due(), services.make_due()] == [True, False]
    report = Report.objects.get()
    event = AuditEvent.objects.get(action=Action.TRUST_REPORTED)
    assert (event.subject_id, event.details["signature"]) == (report.id, report.signature)
    monkeypatch.setattr("django.utils.timezone.now", lambda: noon + timedelta(days=1))
    assert services.make_due()


def test_with_nobody_enrolled_it_says_so(db: None) -> None:
    body = json.loads(services.make().body)
    assert body["enrolled"]["people"] == 0
    assert all(one["value"] is None for one in body["figures"])
