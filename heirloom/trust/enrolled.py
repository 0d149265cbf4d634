"""What the templates of the people enrolled here show of the thresholds in force."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import numpy as np

from enrollment.services.labelled import Enrolled, enrolled_sample
from heirloom.decision.policy import Policy
from heirloom.decision.verification import VERIFICATION_FMR
from heirloom.evaluation.calibration import Measured, measure_cell
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.rates import Rate
from heirloom.trust.figures import Figure, share

MOST_PEOPLE = 2_000
"""So many, drawn anew each night, are compared with each other: two million pairs of people, some seconds of a core."""
COUNTS = ((1, 1), (3, 1))
FMR_UNSEEN = (
    "That people enrolled here are taken for each other, and nothing of strangers, nor of who tries on purpose. "
    "References taken in one visit are more alike than what cameras send later."
)
FNMR_UNSEEN = (
    "References of one person, many of one visit, by the camera that enrolled: what a kiosk sends later is missed more "
    "often. Read it as a lower bound."
)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The people measured tonight. total: how many are enrolled with this model."""

    enrolled: Enrolled
    total: int


def sample(*, model: str, night: date) -> Sample | None:
    """Return tonight's people: all, or MOST_PEOPLE of them drawn by the date; None where nobody is enrolled."""
    chooser = random.Random(night.toordinal())  # nosec - draws people to measure, guards nothing
    found, total = enrolled_sample(model=model, most_people=MOST_PEOPLE, chooser=chooser)
    return Sample(found, total) if found is not None else None


def figures(gallery: Gallery, people: int, policy: Policy) -> list[Figure]:
    """Return FMR and FNMR at the 1:1 threshold in force, for each of COUNTS that these people's references allow."""
    found = []
    for references, probes in COUNTS:
        zone = policy.zone(references, probes, VERIFICATION_FMR)
        if zone is None:
            continue
        measured = measure_cell(gallery, references, probes)
        words = f"{references} reference{'s' if references > 1 else ''}, {probes} picture"
        found += [
            Figure(
                f"fmr_{references}_{probes}",
                f"FMR at the threshold for {VERIFICATION_FMR:g}: {words}",
                "pairs of people",
                FMR_UNSEEN,
                people,
                false_matches(measured, zone.threshold),
            ),
            Figure(
                f"fnmr_{references}_{probes}",
                f"FNMR at the threshold for {VERIFICATION_FMR:g}: {words}",
                "comparisons of one person's references",
                FNMR_UNSEEN,
                people,
                false_non_matches(measured, zone.threshold),
            ),
        ]
    return found


def false_matches(measured: Measured, threshold: float) -> Rate | None:
    """Return the FMR over all comparisons, with an interval that counts each pair of people once."""
    if not measured.non_mated.total:
        return None
    value = measured.non_mated.fmr(threshold).value
    return share(value * measured.people_pairs, measured.people_pairs)


def false_non_matches(measured: Measured, threshold: float) -> Rate | None:
    return measured.fnmr(threshold) if measured.mated_trials else None


def only(gallery: Gallery, people: Collection[int]) -> Gallery:
    """Return the templates of these people."""
    return gallery.only(np.isin(gallery.people, list(people)))
