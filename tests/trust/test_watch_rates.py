"""Rates are held to a baseline; what moves is told to staff, and only staff can call it normal."""

import json
from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from heirloom.audit.models import Action, AuditEvent
from heirloom.embedded import doctor_trust
from heirloom.embedded.findings import State
from heirloom.evaluation import drift
from heirloom.trust import services, watching
from heirloom.trust.models import Report, Watch
from tests.trust.conftest import attempts
from verification.models import Verification

pytestmark = pytest.mark.django_db


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Baselines of few attempts, and a shift that few more can show; the value is the first day."""
    monkeypatch.setattr(drift, "BASELINE_EVENTS", 400)
    monkeypatch.setattr(drift, "SHIFT", 0.1)
    return timezone.now().replace(hour=8, minute=0) - timedelta(days=5)


def state(report: Report, name: str = "reviewed") -> str:
    return next(one["state"] for one in json.loads(report.body)["drift"] if one["name"] == name)


def test_before_there_are_attempts_enough_it_says_so(days: datetime) -> None:
    attempts(399, 40, at=days)
    assert state(services.make()) == "no baseline yet"


def test_a_rate_that_stays_is_steady(days: datetime) -> None:
    attempts(1200, 120, at=days)
    assert state(services.make()) == "steady"


def test_a_rate_that_moved_is_an_alarm_that_stays(days: datetime) -> None:
    attempts(400, 40, at=days)
    attempts(400, 130, at=days + timedelta(days=1))
    first = services.make()
    assert state(first) == "alarm"
    attempts(400, 40, at=days + timedelta(days=2))
    assert state(services.make()) == "alarm"
    assert AuditEvent.objects.filter(action=Action.TRUST_DRIFTED).count() == 1


def test_each_attempt_counts_once(days: datetime) -> None:
    attempts(800, 80, at=days)
    services.make()
    services.make()
    assert Watch.objects.get(name="reviewed").events == 400


def test_attempts_of_today_wait_for_the_night(days: datetime) -> None:
    attempts(800, 80, at=timezone.now())
    assert state(services.make()) == "no baseline yet"


def test_scores_that_sink_are_found_though_all_are_approved(days: datetime) -> None:
    attempts(400, 0, at=days)
    for number, row in enumerate(Verification.objects.order_by("created_at")):
        row.score = 0.96 + number / 1e4
        row.save(update_fields=["score"])
    attempts(200, 0, at=days + timedelta(days=1), score=0.955)
    assert state(services.make(), "low_score") == "alarm"


def test_another_policy_begins_a_new_baseline(days: datetime) -> None:
    attempts(600, 60, at=days, policy="before@2026-01-01")
    watching.follow_all(policy="before@2026-01-01", until=timezone.now())
    assert Watch.objects.get(name="reviewed").baseline is not None
    services.make()
    assert Watch.objects.get(name="reviewed").baseline is None


def test_staff_are_told_and_end_the_alarm(days: datetime) -> None:
    attempts(400, 40, at=days)
    attempts(400, 130, at=days + timedelta(days=1))
    services.make()
    told = {finding.part: finding for finding in doctor_trust.trust()}
    assert (told["Drift"].state, "reviewed" in told["Drift"].detail) == (State.WARNING, True)
    call_command("trust", "baseline", stdout=StringIO())
    assert "Drift" not in {finding.part for finding in doctor_trust.trust()}
    assert AuditEvent.objects.get(action=Action.TRUST_BASELINE_BEGUN).details["ended"] == ["reviewed"]
