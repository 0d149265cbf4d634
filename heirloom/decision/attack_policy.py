"""An attack policy: how the scores of one attack detector are read, where its numbers come from, and how few they are.

Several frames taken together err less than one, so how scores are read depends on how many could be judged.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from heirloom.decision.policy_cells import PolicyError

PACKAGED = Path(__file__).parent / "policies" / "attack"


@dataclass(frozen=True, slots=True)
class AttackCell:
    """How the median score of at least `fewest_frames` frames is read, and what was counted at `measured_at`.

    Below bona_fide_below it is bona fide, from attack_from on an attack, between them inconclusive.
    bona_fide, attacks: how many trials; bona_fide_errors, attack_errors: how many of them fell on the wrong side of
    measured_at. They give BPCER and APCER, and show how little is known where they are few.
    """

    fewest_frames: int
    bona_fide_below: float
    attack_from: float
    measured_at: float
    bona_fide: int
    bona_fide_errors: int
    attacks: int
    attack_errors: int


@dataclass(frozen=True, slots=True)
class AttackProvenance:
    """Where the counts come from. species: the kinds of attack that were shown; others are unknown to the numbers."""

    data_set: str
    people: int
    species: tuple[str, ...]
    measured_on: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AttackPolicy:
    """name: with its version, as recorded with every decision. cells: from the fewest frames to the most."""

    name: str
    detector: str
    provenance: AttackProvenance
    cells: tuple[AttackCell, ...]

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise PolicyError(f"attack policy {self.name!r}: {problem}")

    def cell(self, frames: int) -> AttackCell | None:
        """Return how so many judged frames are read; None where so few were never measured."""
        return next((cell for cell in reversed(self.cells) if frames >= cell.fewest_frames), None)


def load(detector: str, extra_dir: Path | None = None) -> AttackPolicy | None:
    """Return the policy of a detector, from `extra_dir` if it has one, else the packaged one, else None.

    Raises PolicyError if the file is not a whole, consistent policy of this detector.
    """
    name = re.sub(r"[^A-Za-z0-9.-]", "_", detector) + ".json"
    folders = [PACKAGED] if extra_dir is None else [extra_dir, PACKAGED]
    for path in (folder / name for folder in folders):
        if path.is_file():
            policy = parse(path.read_text(encoding="utf-8"))
            if policy.detector != detector:
                raise PolicyError(f"{path.name} holds the attack policy of {policy.detector!r}, not of {detector!r}")
            return policy
    return None


def parse(text: str) -> AttackPolicy:
    """Return the attack policy written in JSON. Raises PolicyError if a field is missing, unknown or inconsistent."""
    try:
        raw = json.loads(text)
        told = dict(raw["provenance"])
        provenance = AttackProvenance(**{**told, "species": tuple(told["species"])})
        cells = tuple(AttackCell(**cell) for cell in raw["cells"])
        return AttackPolicy(str(raw["name"]), str(raw["detector"]), provenance, cells)
    except PolicyError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"not an attack policy: {error!r}") from error


def dump(policy: AttackPolicy) -> str:
    """Return the policy as JSON that `parse` reads back."""
    return json.dumps(asdict(policy), indent=1) + "\n"


def _problems(policy: AttackPolicy) -> Iterator[str]:
    if not policy.name or not policy.detector or not policy.provenance.data_set:
        yield "it has no name, detector or data set"
    if not policy.cells:
        yield "it has no measured cell"
    counts = [cell.fewest_frames for cell in policy.cells]
    if counts != sorted(set(counts)) or any(count < 1 for count in counts):
        yield "its cells are not in order of frames"
    for cell in policy.cells:
        if not 0 < cell.bona_fide_below <= cell.measured_at <= cell.attack_from < 1:
            yield f"cell {cell.fewest_frames}: its zone is not around what was measured"
        if not (0 <= cell.bona_fide_errors <= cell.bona_fide and 0 <= cell.attack_errors <= cell.attacks):
            yield f"cell {cell.fewest_frames}: more errors than trials"
        if min(cell.bona_fide, cell.attacks) < 1:
            yield f"cell {cell.fewest_frames}: nothing was measured"
