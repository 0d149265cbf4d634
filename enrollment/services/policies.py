"""What was measured of recognisers and attack detectors: the operator's own, else what is packaged."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from heirloom.decision import attack_policy
from heirloom.decision.attack_policy import AttackPolicy
from heirloom.decision.center import centers
from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import load

SAME_PERSON_FMR = 1e-2
"""Pictures handed in together are mostly of one person, so they are held to that by a lenient measure."""


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
    return policy.threshold(1, 1, SAME_PERSON_FMR) if policy else None
