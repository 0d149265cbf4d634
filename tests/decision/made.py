"""A policy and signals made up for tests; the numbers are round so that the tests can be read."""

from dataclasses import replace

from heirloom.decision.attack import AttackCheck, weigh_signals
from heirloom.decision.attack_policy import AttackCell, AttackPolicy, AttackProvenance
from heirloom.decision.policy import Policy, Provenance
from heirloom.decision.policy_cells import Cell, GroupRate, GroupRates, Held, Point
from heirloom.vision.types import AttackOutcome, AttackSignal

BONA_FIDE = AttackSignal("minifasnet", AttackOutcome.BONA_FIDE, 0.1)
ATTACK = AttackSignal("minifasnet", AttackOutcome.ATTACK, 0.9)
INCONCLUSIVE = AttackSignal("minifasnet", AttackOutcome.INCONCLUSIVE, None, "face_too_tight")
SUSPICION = AttackSignal("reuse", AttackOutcome.SUSPICIOUS, 0.6, "alike")
PERFORMED = AttackSignal("challenge", AttackOutcome.BONA_FIDE)
SPOOFED, UNTOLD = (weigh_signals([one]) for one in (ATTACK, INCONCLUSIVE))
"""The same, as all that is known of a capture."""
LIVE = weigh_signals([BONA_FIDE, PERFORMED])
REUSED = weigh_signals([BONA_FIDE, PERFORMED, SUSPICION])
UNASKED = AttackCheck()
PROVENANCE = Provenance("made up for tests", 2_000, 4_000, "2026-01-01", "none")


def point(fmr: float, threshold: float) -> Point:
    return Point(fmr, threshold, threshold + 0.005, 0.1, 0.08, 0.12)


def cell(references: int, probes: int, *thresholds: float) -> Cell:
    """A cell whose thresholds stand at FMR 1e-2, 1e-3, 1e-4, 1e-5, as many as are given."""
    points = tuple(point(10.0 ** -(2 + place), threshold) for place, threshold in enumerate(thresholds))
    return Cell(references, probes, 1_000_000, 5_000, 7_000_000, 80.0, -60.0, points)


def policy() -> Policy:
    cells = (
        cell(1, 1, 0.70, 0.80, 0.90, 0.94),
        cell(3, 1, 0.72, 0.82, 0.92, 0.95),
        cell(1, 3, 0.72, 0.82, 0.92),
        cell(3, 3, 0.74, 0.84, 0.94),
    )
    return Policy("made@1", "made", PROVENANCE, cells)


HARDER = "made up: harder"


def held_policy() -> Policy:
    """The same thresholds, each held 0.03 higher to a group in which strangers pass them thirty times too often."""
    plain = policy()
    cells = tuple(replace(each, points=tuple(map(_held, each.points))) for each in plain.cells)
    return replace(plain, cells=cells, groups=(rates("harder", 30), rates("easier", 0.2)))


def costing(model: str, fnmr: float) -> Policy:
    """The same for another model, which misses this share when it is held to its worst group."""

    plain = held_policy()
    cells = tuple(replace(each, points=tuple(_missing(one, fnmr) for one in each.points)) for each in plain.cells)
    return replace(plain, name=f"{model}@made", model=model, cells=cells)


def rates(name: str, times: float, people: int = 400) -> GroupRates:
    """A group in which the pooled thresholds of `policy` let strangers pass so many times as often as they should."""
    pairs = people * (people - 1) // 2
    points = policy().cells[0].points
    seen = tuple(
        GroupRate(each.fmr, each.threshold, *(min(1, share * times * each.fmr) for share in (1, 0.5, 2)), 0.2, 0.1, 0.3)
        for each in points
    )
    return GroupRates("made up", name, people, 2 * people, pairs, 4 * pairs, seen)


def _held(each: Point) -> Point:
    shown = each.fmr > 1e-4
    held = Held(each.threshold + 0.03, each.upper_threshold + 0.03, HARDER, 0.3, 0.28, 0.32, shown)
    return replace(each, held=held)


def _missing(each: Point, fnmr: float) -> Point:
    assert each.held
    return replace(each, held=replace(each.held, fnmr=fnmr, fnmr_low=0.0, fnmr_high=1.0))


def attack_policy(detector: str = "minifasnet") -> AttackPolicy:
    """One frame is read with a wide zone around 0.5, three or more with a narrow one."""
    cells = (
        AttackCell(1, 0.3, 0.7, 0.5, bona_fide=100, bona_fide_errors=10, attacks=100, attack_errors=5),
        AttackCell(3, 0.4, 0.6, 0.5, bona_fide=20, bona_fide_errors=0, attacks=20, attack_errors=0),
    )
    return AttackPolicy(f"{detector}@1", detector, AttackProvenance("made up", 10, ("none",), "2026-01-01"), cells)
