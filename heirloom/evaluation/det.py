"""The curves of a report: which errors are paid for which."""

from collections.abc import Sequence

import numpy as np

from heirloom.evaluation.calibration import Measured
from heirloom.evaluation.rates import ENOUGH_ERRORS
from heirloom.evaluation.report import Curve, DetChart, Doubles

DRAWN = ((1, 1), (2, 1), (3, 1), (5, 1), (3, 3), (5, 5))
"""More than these six curves cannot be told apart; the tables have every cell."""


def det_points(measured: Measured) -> Doubles:
    """Return (n, 3) threshold, FMR, FNMR, by rising threshold, where the FMR lies in [1 / pairs, 0.5].

    Raises ZeroDivisionError for a cell without pairs.
    """
    over = measured.non_mated.at_or_over()
    total = measured.non_mated.total
    wanted = np.geomspace(max(1 / total, 1e-7), 0.5, 200)[::-1]
    places = np.unique(np.searchsorted(-over, -wanted * total))
    thresholds = -1.0 + places * (2.0 / (len(over) - 1))
    scores = np.sort(measured.mated_scores)
    missed = np.searchsorted(scores, thresholds, side="left") / max(len(scores), 1)
    return np.column_stack([thresholds, over[places] / total, missed])


def recognition_chart(cells: Sequence[Measured], title: str) -> DetChart | None:
    """Return FNMR over FMR, one curve a cell; None where no cell has pairs of both kinds."""
    drawable = [one for one in cells if one.non_mated.total and len(one.mated_scores)]
    chosen = [one for one in drawable if (one.references, one.probes) in DRAWN]
    curves = [
        Curve(
            f"{one.references}, {one.probes}",
            points[:, 1:],
            points[:, 1] * one.non_mated.total >= ENOUGH_ERRORS,
        )
        for one, points in ((one, det_points(one)) for one in chosen)
    ]
    return DetChart(title, "FMR", "FNMR", "references, probes", tuple(curves)) if curves else None


def attack_chart(bona_fide: Doubles, attacks: dict[str, Doubles], title: str) -> DetChart | None:
    """Return APCER over BPCER, one curve a species, from the attack scores of each; None without any of both kinds.

    An attack passes under the threshold, a bona fide presentation is refused from it on; NaN (inconclusive) is in no
    curve.
    """
    genuine = np.sort(bona_fide[np.isfinite(bona_fide)])
    curves = []
    for species, scores in attacks.items():
        told = np.sort(scores[np.isfinite(scores)])
        if not len(told) or not len(genuine):
            continue
        thresholds = np.unique(np.concatenate([genuine, told, [np.inf]]))
        refused = 1 - np.searchsorted(genuine, thresholds, side="left") / len(genuine)
        passed = np.searchsorted(told, thresholds, side="left") / len(told)
        curves.append(Curve(species, np.column_stack([refused, passed]), refused * len(genuine) >= ENOUGH_ERRORS))
    return DetChart(title, "BPCER", "APCER", "species", tuple(curves)) if curves else None
