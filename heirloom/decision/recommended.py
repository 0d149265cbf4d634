"""Which of several packs to use: the one that misses the fewest people where its worst measured group is safe."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from heirloom.decision import policy_files
from heirloom.decision.policy import Policy
from heirloom.vision.types import PackInfo

AT_FMR = 1e-4
"""The target of verifications, where packs differ most."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a pack costs at AT_FMR by single pictures.

    fnmr: at the pooled threshold. held: at the threshold in force, None where no group was measured. worst: the FMR of
    the group in which the pooled threshold is wrong most often, and the group's name.
    """

    fnmr: float
    held: float | None
    worst: tuple[float, str] | None

    def __str__(self) -> str:
        said = f"misses {self.fnmr:.1%} of single photos at FMR {AT_FMR:g}"
        if self.held is None or self.worst is None:
            return f"{said}; not measured within groups"
        return f"{said}, {self.held:.1%} held to its worst group ({self.worst[1]})"


def accuracy(policy: Policy) -> Accuracy | None:
    """Return what a policy says of single pictures; None where it was not measured so far."""
    cell = next((each for each in policy.cells if each.references == each.probes == 1), None)
    point = cell.at(AT_FMR) if cell else None
    if point is None:
        return None
    worst = policy.worst(AT_FMR)
    held = point.held.fnmr if point.held else None
    return Accuracy(point.fnmr, held, (worst[1].seen, worst[0].label) if worst else None)


def accuracy_of(model: str, policy_dir: Path | None) -> Accuracy | None:
    """Return what the policy of a model says; None without one. Raises PolicyError for a file that is not whole."""
    policy = policy_files.load(model, policy_dir)
    return accuracy(policy) if policy else None


def recommended(packs: Iterable[PackInfo], policy_dir: Path | None) -> tuple[PackInfo, Accuracy] | None:
    """Return the best of the packs that may be used here, by what each misses when held to its worst group.

    Whose groups were never measured is not among them. None where there is none.
    """
    usable = [pack for pack in packs if pack.installed and pack.acknowledged]
    known = [(pack, found) for pack in usable if (found := accuracy_of(pack.model, policy_dir)) is not None]
    fair = [(found.held, pack.name, pack, found) for pack, found in known if found.held is not None]
    best = min(fair, key=lambda row: row[:2], default=None)
    return (best[2], best[3]) if best else None
