"""Rates by groups that the operator declares (TRUST_SLICES): keys of people's metadata, or their department."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from enrollment.services.declared import declared
from heirloom.decision.policy import Policy
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.evaluation.calibration import measure_cell
from heirloom.evaluation.slices import merged, names
from heirloom.trust import enrolled, reviewed
from heirloom.trust.enrolled import Sample
from heirloom.trust.figures import Figure, share
from heirloom.trust.reviewed import Attempt

UNSEEN = "Whether a difference is there: where two intervals overlap, none is shown."


def tables(tonight: Sample | None, attempts: Sequence[Attempt], policy: Policy) -> list[dict[str, Any]]:
    """Return, for each declared key, the groups with their FMR, FNMR and reviews; groups of few people are merged."""
    people = set(tonight.enrolled.people if tonight else ()) | {one.person for one in attempts if one.person}
    return [
        {"by": key, "groups": [one.told() for one in _figures(labels, tonight, attempts, policy)]}
        for key, labels in declared(people, settings.TRUST_SLICES).items()
    ]


def _figures(
    labels: dict[UUID, str], tonight: Sample | None, attempts: Sequence[Attempt], policy: Policy
) -> list[Figure]:
    return [*_of_enrolled(labels, tonight, policy), *_of_attempts(labels, attempts)]


def _of_enrolled(labels: dict[UUID, str], tonight: Sample | None, policy: Policy) -> list[Figure]:
    zone = policy.zone(1, 1, VERIFICATION_FMR)
    if tonight is None or zone is None:
        return []
    groups = merged({number: labels[person] for number, person in enumerate(tonight.enrolled.people)})
    found = []
    for name in names(groups):
        numbers = [number for number, group in groups.items() if group == name]
        measured = measure_cell(enrolled.only(tonight.enrolled.gallery, numbers), 1, 1)
        matched = enrolled.false_matches(measured, zone.threshold)
        missed = enrolled.false_non_matches(measured, zone.threshold)
        size = len(numbers)
        found += [
            Figure(f"fmr:{name}", f"{name}: FMR within the group", "pairs of people", UNSEEN, size, matched),
            Figure(f"fnmr:{name}", f"{name}: FNMR", "comparisons of one person's references", UNSEEN, size, missed),
        ]
    return found


def _of_attempts(labels: dict[UUID, str], attempts: Sequence[Attempt]) -> list[Figure]:
    by_person: dict[UUID, list[Attempt]] = defaultdict(list)
    for one in attempts:
        if one.person is not None:
            by_person[one.person].append(one)
    people = list(by_person)
    groups = merged({number: labels[person] for number, person in enumerate(people)})
    found = []
    for name in names(groups):
        members = [people[number] for number, group in groups.items() if group == name]
        reviews, total = reviewed.to_a_human(one for person in members for one in by_person[person])
        title = f"{name}: attempts that go to a reviewer"
        found.append(Figure(f"reviewed:{name}", title, "attempts", UNSEEN, len(members), share(reviews, total)))
    return found
