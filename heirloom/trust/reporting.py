"""The report of one night: what this installation can show of its own errors. No person's data is in it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from enrollment.services.packs import registry
from enrollment.services.policies import policy_of
from heirloom.audit.anchors.services import installation
from heirloom.decision.policy import Policy
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.evaluation import drift
from heirloom.evaluation.slices import FEWEST_PEOPLE
from heirloom.jobs import packs
from heirloom.trust import enrolled, reviewed, sliced
from heirloom.trust.figures import Figure
from heirloom.trust.models import Watch
from heirloom.trust.watching import STREAMS

FORMAT = 1
REVIEWED_DAYS = 365


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides now. policy: None where the recogniser has none, and nothing is approved by a score."""

    pack: str
    model: str
    policy: Policy | None

    @property
    def policy_name(self) -> str:
        return self.policy.name if self.policy else ""


def in_force() -> InForce:
    """Return the active pack with its policy. Raises Refusal "model_not_available" where its files are gone."""
    pack = packs.active_or_configured()
    model = registry().require(pack).model
    return InForce(pack, model, policy_of(model))


def compose(*, deciding: InForce, watched: Iterable[Watch], now: datetime, release: str) -> dict[str, Any]:
    """Return the report, of the people enrolled and the attempts of the last REVIEWED_DAYS days under this policy."""
    since = now - timedelta(days=REVIEWED_DAYS)
    tonight = enrolled.sample(model=deciding.model, night=now.date())
    attempts = reviewed.attempts(since=since, until=now, policy=deciding.policy_name) if deciding.policy else []
    of_enrolled: list[Figure] = []
    if tonight is not None and deciding.policy is not None:
        people = len(tonight.enrolled.people)
        of_enrolled = enrolled.figures(tonight.enrolled.gallery, people, deciding.policy)
    return {
        "format": FORMAT,
        "installation": str(installation()),
        "release": release,
        "made_at": now.isoformat(timespec="seconds"),
        "pack": deciding.pack,
        "model": deciding.model,
        "policy": deciding.policy_name,
        "target_fmr": VERIFICATION_FMR,
        "target_fpir": settings.IDENTIFICATION_TARGET_FPIR,
        "enrolled": {"people": tonight.total if tonight else 0, "most_measured": enrolled.MOST_PEOPLE},
        "attempts": {"since": since.date().isoformat(), "counted": len(attempts), "most": reviewed.MOST_ATTEMPTS},
        "fewest_people": FEWEST_PEOPLE,
        "figures": [one.told() for one in (*of_enrolled, *reviewed.figures(attempts))],
        "slices": sliced.tables(tonight, attempts, deciding.policy) if deciding.policy else [],
        "drift": [_told(one) for one in watched],
        "drift_test": {"shift": drift.SHIFT, "limit": drift.LIMIT, "baseline_events": drift.BASELINE_EVENTS},
    }


def _told(watch: Watch) -> dict[str, Any]:
    stream = next(one for one in STREAMS if one.name == watch.name)
    begun = watch.baseline is not None
    return {
        "name": watch.name,
        "title": stream.title,
        "may_be": stream.moved,
        "state": "alarm" if watch.alarmed_at else "steady" if begun else "no baseline yet",
        "baseline": watch.baseline,
        "rate": watch.hits / watch.events if watch.events else None,
        "events": watch.events,
        "evidence": max(watch.rise, watch.fall) if begun else None,
        "alarmed_at": watch.alarmed_at.isoformat(timespec="seconds") if watch.alarmed_at else None,
        "alarmed_after": watch.alarmed_after,
    }
