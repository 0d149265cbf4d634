"""What reviewers' verdicts show of the machine's decisions: of those that reviewers saw, which are not all."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heirloom.decision.verification import Outcome
from heirloom.reviews.models import Review
from heirloom.trust.figures import Figure, share
from heirloom.vision.types import AttackOutcome
from verification.models import Verification

MOST_ATTEMPTS = 100_000
"""So many attempts are looked at, the newest ones."""
LIVE = {
    Review.ReasonCode.SAME_PERSON,
    Review.ReasonCode.ATTACK_NOT_CONFIRMED,
    Review.ReasonCode.IDENTITY_CHECKED_IN_PERSON,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A finished 1:1 attempt, and the reviewer's word where there is one. over: its score reached the threshold."""

    person: UUID | None
    outcome: str
    attack: str
    over: bool | None
    verdict: str
    reason: str

    @property
    def is_approved_by_machine(self) -> bool:
        return self.outcome == Outcome.APPROVED

    @property
    def is_found_genuine(self) -> bool:
        return self.verdict == Review.Verdict.APPROVED

    @property
    def is_found_live(self) -> bool:
        return self.is_found_genuine or self.reason in LIVE


def attempts(*, since: datetime, until: datetime, policy: str) -> list[Attempt]:
    """Return the finished 1:1 attempts of a time that were decided under a policy, MOST_ATTEMPTS at most."""
    rows = Verification.objects.filter(
        mode=Verification.Mode.VERIFICATION, policy=policy, created_at__gte=since, created_at__lt=until
    ).exclude(outcome="")
    fields = ("id", "person_id", "outcome", "attack_outcome", "score", "threshold")
    found = list(rows.order_by("-created_at", "-id").values_list(*fields)[:MOST_ATTEMPTS])
    decided = Review.objects.filter(kind="verification", decided_at__gte=since).exclude(verdict="")
    rows_of = decided.values_list("subject_id", "verdict", "reason_code").iterator(chunk_size=5_000)
    words = {subject: (verdict, reason) for subject, verdict, reason in rows_of}
    return [
        Attempt(
            person,
            outcome,
            attack,
            None if score is None or threshold is None else score >= threshold,
            *words.get(number, ("", "")),
        )
        for number, person, outcome, attack, score, threshold in found
    ]


def figures(found: Iterable[Attempt]) -> list[Figure]:
    """Return what these attempts show. Each says of what a reviewer never sees that it is not in it."""
    attempts = list(found)
    live = [one for one in attempts if one.is_approved_by_machine or one.is_found_live]
    return [
        _figure(
            "not_approved_genuine",
            "Genuine attempts that the machine did not approve",
            "attempts approved by the machine, or by a reviewer after it",
            "Genuine people whom the machine rejected: no reviewer sees those, so the true rate is higher. That an "
            "attempt approved by the machine was genuine is assumed.",
            [one for one in attempts if one.is_approved_by_machine or one.is_found_genuine],
            lambda one: not one.is_approved_by_machine,
        ),
        _figure(
            "matches_of_others",
            "Matches before a reviewer that were somebody else",
            "reviewed attempts whose score reached the threshold",
            "No FMR: how many impostors tried is not known. Matches that the machine approved were seen by nobody.",
            [one for one in attempts if one.over and one.verdict],
            lambda one: one.reason == Review.ReasonCode.DIFFERENT_PERSON,
        ),
        _figure(
            "bpcer",
            "BPCER: live people not taken for bona fide",
            "attempts approved by the machine, and those that a reviewer found live",
            "Live people whose face did not match: no reviewer sees those. That an attempt approved by the machine was "
            "live is assumed.",
            [one for one in live if one.attack],
            lambda one: one.attack != AttackOutcome.BONA_FIDE,
        ),
        _figure(
            "apcer",
            "APCER: confirmed attacks taken for bona fide",
            "attempts that a reviewer found to be an attack",
            "Attacks that nobody noticed, which are the ones that count. Of all kinds together: ISO/IEC 30107-3 asks "
            "for each kind by itself.",
            [one for one in attempts if one.reason == Review.ReasonCode.ATTACK_CONFIRMED],
            lambda one: one.attack == AttackOutcome.BONA_FIDE,
        ),
    ]


def to_a_human(found: Iterable[Attempt]) -> tuple[int, int]:
    """Return how many attempts went to a reviewer, and of how many."""
    attempts = list(found)
    return sum(one.outcome == Outcome.NEEDS_REVIEW for one in attempts), len(attempts)


def _figure(
    name: str, title: str, counted: str, not_shown: str, among: list[Attempt], is_error: Callable[[Attempt], bool]
) -> Figure:
    people = len({one.person for one in among if one.person is not None})
    return Figure(name, title, counted, not_shown, people, share(sum(map(is_error, among)), len(among)))
