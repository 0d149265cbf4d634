"""What was measured of recognisers and attack detectors: the operator's own, else what is packaged."""

import hashlib
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.decision import attack_policy
from heirloom.decision.attack_policy import AttackPolicy
from heirloom.decision.center import centers
from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import load

POLICIES = UUID(int=5)
"""The subject of events about the operator's own policies."""
SAME_PERSON_FMR = 1e-2
"""Pictures handed in together are mostly of one person, so they are held to that by a lenient measure.

It is the pooled one, for all it says is that two people are shown; who is approved rests on the comparison with what is
enrolled. Within the worst measured group of a recogniser strangers pass it far more often (`Policy.worst`).
"""


def policy_of(model: str) -> Policy | None:
    return load(model, settings.POLICY_DIR)


def attack_policy_of(detector: str) -> AttackPolicy | None:
    """Return how an attack detector's scores are read; the operator's own file lies in the folder `attack`."""
    return attack_policy.load(detector, settings.POLICY_DIR / "attack")


def centers_of(model: str) -> tuple[tuple[float, ...] | None, ...]:
    """Return what searches of a model subtract: what is in force, then what was or may have been; None is nothing.

    Read once by each process, so that all it does is of one kind.
    """
    return _centers(model, settings.POLICY_DIR / "center")


@lru_cache(maxsize=64)
def _centers(model: str, own: Path) -> tuple[tuple[float, ...] | None, ...]:
    found: list[tuple[float, ...] | None] = [center.vector for center in centers(model, own)]
    return tuple(dict.fromkeys([*found, None]))


def same_person_from(model: str) -> float | None:
    """Return the raw score that two pictures of one person reach, by a lenient measure; None where none is measured.

    For pictures that come together, as the frames of a clip: other people reach it by chance once in 1/SAME_PERSON_FMR.
    """
    policy = policy_of(model)
    return policy.pooled_threshold(1, 1, SAME_PERSON_FMR) if policy else None


@transaction.atomic
def note_changes() -> bool:
    """Record which files of the operator's own decide, where they differ from what was recorded last; say whether.

    A policy is adopted by putting its file into POLICY_DIR: what is in force is seen there alone, at each start.
    """
    found = {
        path.relative_to(settings.POLICY_DIR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(settings.POLICY_DIR.rglob("*.json"))
    }
    last = AuditEvent.objects.filter(action=Action.POLICY_ACTIVATED).order_by("-sequence").first()
    before = last.details["after"] if last else {}
    if found == before:
        return False
    audit.record(
        action=Action.POLICY_ACTIVATED,
        subject_kind="policies",
        subject_id=POLICIES,
        details={"before": before, "after": found},
    )
    return True
