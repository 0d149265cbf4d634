"""One probe against a gallery, and a newcomer against everybody enrolled.

A search of N people has N chances to be wrong, so a threshold belongs to the gallery's size. It comes from searches
that were measured as such, or lies at about FMR = FPIR / N. What was never shown goes to review and never approves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from heirloom.decision.attack import AttackCheck
from heirloom.decision.policy import Policy, Zone
from heirloom.decision.policy_searches import SearchPoint
from heirloom.decision.verification import Outcome, Reading, Rules, read, weigh


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A person found by the search. score: raw, against the mean of `references` templates."""

    person_id: str
    score: float
    references: int


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A candidate in order.

    rank: from 1. similarity: 0.5 exactly at `threshold`, the raw score of a match in this gallery; both None where
    nothing was measured.
    """

    person_id: str
    rank: int
    score: float
    similarity: float | None
    threshold: float | None
    confidence: float | None
    reading: Reading


@dataclass(frozen=True, slots=True)
class Identification:
    """The machine's outcome of a search.

    threshold: the best candidate's. expected_fpir: the share of strangers who would reach the threshold in a gallery
    of this size; above the target where the target could not be measured.
    """

    outcome: Outcome
    reasons: tuple[str, ...]
    candidates: tuple[RankedCandidate, ...]
    threshold: float | None
    expected_fpir: float | None
    policy: str
    attack: AttackCheck


class DuplicateVerdict(StrEnum):
    CLEAR = "clear"
    DUPLICATE = "duplicate"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class DuplicateCheck:
    """Whether a newcomer is somebody enrolled already.

    clear: nobody looks like them. duplicate and unsure: a human must decide; candidates: who it may be, best first.
    """

    verdict: DuplicateVerdict
    candidates: tuple[RankedCandidate, ...]
    expected_fpir: float | None
    policy: str

    @property
    def reasons(self) -> tuple[str, ...]:
        return () if self.verdict is DuplicateVerdict.CLEAR else ("duplicate_person",)


@dataclass(frozen=True, slots=True)
class SearchZone:
    """How scores are read in a gallery, and the FPIR its threshold may have: over the target where none was shown."""

    zone: Zone
    expected_fpir: float


def identification_zone(
    policy: Policy, references: int, probes: int, gallery_size: int, target_fpir: float
) -> SearchZone | None:
    """Return how scores are read in a gallery of `gallery_size` people.

    What was measured of whole searches counts first. Where no search with such counts was, comparisons stand in:
    FPIR = 1 - (1 - FMR)^N is about N * FMR where small (ISO/IEC 19795-1), so the target is FMR = FPIR / N. Unlike in
    1:1 the band begins at the threshold of the target itself: no more than the target share of strangers are named or
    reach a human, taken over everybody. A match, named or approved, is held to the worst measured group; by itself it
    needs a score where even the upper 95 % limit is within the target. Where nothing shows the target, what comes
    nearest is for a human and approves nobody.
    """
    if gallery_size < 1 or not 0 < target_fpir < 1:
        return None
    measured = [cell for cell in policy.searches if cell.covers(references, probes)]
    if not measured:
        return _by_comparisons(policy, references, probes, gallery_size, target_fpir)
    shown = [point for cell in measured if (point := cell.at(gallery_size, target_fpir)) is not None]
    if shown:
        return _held(policy, (references, probes), gallery_size, min(shown, key=lambda point: point.threshold))
    nearest = min(
        (point for cell in measured for point in cell.points),
        key=lambda point: (point.expected(gallery_size), point.threshold),
    )
    return _held(policy, (references, probes), gallery_size, replace(nearest, upper_threshold=None))


def _held(policy: Policy, counts: tuple[int, int], gallery_size: int, point: SearchPoint) -> SearchZone:
    """Read scores by a measured search, raised to what the worst measured group asks for at that many comparisons."""
    threshold, approve_from, expected = point.threshold, point.upper_threshold, point.expected(gallery_size)
    fmr = expected / gallery_size
    floor = policy.strictest(*counts)
    group = policy.zone(*counts, max(fmr, floor[0])) if policy.groups and floor else None
    if group is not None:
        threshold = max(threshold, group.threshold)
        if approve_from is not None:
            approve_from = None if group.approve_from is None else max(approve_from, group.approve_from)
    return SearchZone(Zone(point.threshold, threshold, approve_from), expected)


def _by_comparisons(
    policy: Policy, references: int, probes: int, gallery_size: int, target_fpir: float
) -> SearchZone | None:
    fmr = target_fpir / gallery_size
    threshold = policy.threshold(references, probes, fmr)
    if threshold is not None:
        sure = policy.zone(references, probes, fmr)
        pooled = policy.pooled_threshold(references, probes, fmr)
        return SearchZone(Zone(pooled, threshold, sure.approve_from if sure else None), _fpir(fmr, gallery_size))
    floor = policy.strictest(references, probes)
    if floor is None:
        return None
    zone = Zone(policy.pooled_threshold(references, probes, floor[0]), threshold=floor[1], approve_from=None)
    return SearchZone(zone, _fpir(floor[0], gallery_size))


def _fpir(fmr: float, gallery_size: int) -> float:
    """Return 1 - (1 - FMR)^N."""
    return float(-math.expm1(gallery_size * math.log1p(-min(fmr, 1 - 1e-12))))


def identify(
    candidates: Sequence[ScoredCandidate],
    gallery_size: int,
    probes: int,
    policy: Policy | None,
    rules: Rules,
    *,
    attack: AttackCheck,
    reasons: Sequence[str],
) -> Identification:
    """Return who the probe is, if anybody.

    candidates: the best of the search, in any order; none is "no match" if the gallery was searched. reasons: codes
    of what falls short in the probe. Two people who both match cannot be told apart by the machine: that goes to
    review.
    """
    ranked = rank(candidates, gallery_size, probes, policy, rules)
    name = policy.name if policy else ""
    if probes < 1:
        return Identification(Outcome.FAILED, tuple(reasons) or ("no_face",), (), None, None, name, attack)
    reading = ranked[0].reading if ranked else Reading.NO_MATCH
    if sum(one.reading is Reading.MATCH for one in ranked) > 1:
        reading = Reading.NEAR
    outcome, why = weigh(reading, attack, reasons, rules)
    best = ranked[0].threshold if ranked else None
    expected = _expected_fpir(candidates, gallery_size, probes, policy, rules)
    return Identification(outcome, why, ranked, best, expected, name, attack)


def duplicate_of(
    candidates: Sequence[ScoredCandidate], gallery_size: int, probes: int, policy: Policy | None, rules: Rules
) -> DuplicateCheck:
    """Return whether a newcomer's face already belongs to one of `candidates`, all of them other people.

    probes: how many of the newcomer's pictures were averaged. A score that reads as a match is a duplicate; one
    that is near, or that nothing measured covers, is unsure; both are for a human. An empty gallery is clear.
    """
    ranked = tuple(
        one for one in rank(candidates, gallery_size, probes, policy, rules) if one.reading is not Reading.NO_MATCH
    )
    verdict = DuplicateVerdict.CLEAR
    if ranked:
        found = any(one.reading is Reading.MATCH for one in ranked)
        verdict = DuplicateVerdict.DUPLICATE if found else DuplicateVerdict.UNSURE
    expected = _expected_fpir(candidates, gallery_size, probes, policy, rules)
    return DuplicateCheck(verdict, ranked, expected, policy.name if policy else "")


def rank(
    candidates: Sequence[ScoredCandidate], gallery_size: int, probes: int, policy: Policy | None, rules: Rules
) -> tuple[RankedCandidate, ...]:
    """Return the candidates, best first: by similarity, because people with more references need a higher raw score."""
    size = max(gallery_size, len(candidates))
    read_ones = [_read(one, size, probes, policy, rules) for one in candidates]
    read_ones.sort(key=lambda one: (one[0].reading is Reading.UNMEASURED and one[0].similarity is None, -one[1]))
    return tuple(_with_rank(one, place) for place, (one, _) in enumerate(read_ones, start=1))


def _read(
    one: ScoredCandidate, gallery_size: int, probes: int, policy: Policy | None, rules: Rules
) -> tuple[RankedCandidate, float]:
    found = identification_zone(policy, one.references, probes, gallery_size, rules.target_fpir) if policy else None
    reading = read(one.score, found.zone if found else None)
    if policy is None or found is None or not math.isfinite(one.score):
        worth = one.score if math.isfinite(one.score) else -math.inf
        return RankedCandidate(one.person_id, 0, one.score, None, None, None, reading), worth
    threshold = found.zone.threshold
    similarity = policy.similarity(one.score, threshold)
    confidence = policy.confidence(one.score, one.references, probes, matched=one.score >= threshold)
    ranked = RankedCandidate(one.person_id, 0, one.score, similarity, threshold, confidence, reading)
    return ranked, one.score - threshold


def _with_rank(one: RankedCandidate, place: int) -> RankedCandidate:
    return replace(one, rank=place)


def _expected_fpir(
    candidates: Sequence[ScoredCandidate], gallery_size: int, probes: int, policy: Policy | None, rules: Rules
) -> float | None:
    """Return the highest FPIR that the thresholds used may have; None where nothing was measured."""
    if policy is None or not candidates or gallery_size < 1:
        return None
    counts = {one.references for one in candidates}
    found = [identification_zone(policy, each, probes, gallery_size, rules.target_fpir) for each in counts]
    return max((each.expected_fpir for each in found if each is not None), default=None)
