"""The center of a recogniser: the mean face, which every template of the model has in common.

Searches subtract it, so that templates that lie in a narrow cone are told apart by what differs between people. It is
the mean of hundreds of people at least, each counted once: an aggregate, and nobody's template. No threshold and no
score depends on it. A model without a measured center is searched as it is.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from heirloom.decision.policy import Provenance
from heirloom.decision.policy_cells import PolicyError
from heirloom.decision.policy_files import PACKAGED as POLICIES
from heirloom.decision.policy_files import file_name

PACKAGED = POLICIES / "center"
FEWEST_PEOPLE = 300
"""The mean of fewer says too much of each of them, and too little of everybody."""
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Center:
    """vector: the mean of unit templates, one a person; shorter than 1 the more they differ. model: Template.model."""

    model: str
    provenance: Provenance
    vector: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.provenance.people < FEWEST_PEOPLE:
            raise PolicyError(f"the center of {self.model!r} is the mean of {self.provenance.people} people: too few")
        if not self.vector or not all(map(math.isfinite, self.vector)) or math.hypot(*self.vector) > 1:
            raise PolicyError(f"the center of {self.model!r} is no mean of unit vectors")


def centers(model: str, extra_dir: Path | None = None) -> tuple[Center, ...]:
    """Return the known centers of a model, the one in force first: that in `extra_dir`, then the packaged one.

    Raises PolicyError if a file is not a whole center of this model.
    """
    folders = [PACKAGED] if extra_dir is None else [extra_dir, PACKAGED]
    paths = [path for folder in folders if (path := folder / file_name(model)).is_file()]
    return tuple(_of(model, path) for path in paths)


def mean_of_people(vectors: NDArray[np.float32], people: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the mean of people's means. vectors: (n, d) unit templates. people: (n,), whose each of them is."""
    _, whose, counts = np.unique(people, return_inverse=True, return_counts=True)
    weights = 1 / counts[whose] / len(counts)
    mean = weights @ vectors.astype(np.float64)
    return tuple(round(float(number), DIGITS) for number in mean)


def parse(text: str) -> Center:
    """Return the center written in JSON. Raises PolicyError if it is not whole."""
    try:
        raw = json.loads(text)
        vector = tuple(float(number) for number in raw.pop("vector"))
        return Center(provenance=Provenance(**raw.pop("provenance")), vector=vector, **raw)
    except (KeyError, TypeError, ValueError) as error:
        raise error if isinstance(error, PolicyError) else PolicyError(f"not a center: {error!r}") from error


def dump(center: Center) -> str:
    """Return the center as JSON that `parse` reads back."""
    raw = asdict(center)
    vector = ", ".join(f"{number:.{DIGITS}f}" for number in raw.pop("vector"))
    return f'{json.dumps(raw, indent=1)[:-2]},\n "vector": [{vector}]\n}}\n'


def _of(model: str, path: Path) -> Center:
    center = parse(path.read_text(encoding="utf-8"))
    if center.model != model:
        raise PolicyError(f"{path.name} holds the center of {center.model!r}, not of {model!r}")
    return center
