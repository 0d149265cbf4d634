"""Policies as JSON files: the packaged ones, and an installation's own, which win."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from heirloom.decision.policy import Cell, Point, Policy, PolicyError, Provenance

PACKAGED = Path(__file__).parent / "policies"


def file_name(model: str) -> str:
    """Return the file name of a model's policy; all but letters, digits, dots and dashes become "_"."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", model) + ".json"


def load(model: str, extra_dir: Path | None = None) -> Policy | None:
    """Return the policy of a model, from `extra_dir` if it has one, else the packaged one, else None.

    Raises PolicyError if the file is not a whole, consistent policy of this model.
    """
    folders = [PACKAGED] if extra_dir is None else [extra_dir, PACKAGED]
    for path in (folder / file_name(model) for folder in folders):
        if path.is_file():
            policy = parse(path.read_text(encoding="utf-8"))
            if policy.model != model:
                raise PolicyError(f"{path.name} holds the policy of {policy.model!r}, not of {model!r}")
            return policy
    return None


def parse(text: str) -> Policy:
    """Return the policy written in JSON.

    Raises PolicyError if a field is missing, unknown, of the wrong type, or the whole is inconsistent.
    """
    try:
        raw = json.loads(text)
        return Policy(
            name=_text(raw, "name"),
            model=_text(raw, "model"),
            provenance=Provenance(**raw["provenance"]),
            cells=tuple(_cell(cell) for cell in raw["cells"]),
        )
    except PolicyError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise PolicyError(f"not a policy: {error!r}") from error


def dump(policy: Policy) -> str:
    """Return the policy as JSON that `parse` reads back."""
    raw = asdict(policy)
    raw.pop("_steepness")
    return json.dumps(raw, indent=1) + "\n"


def _text(raw: dict[str, Any], key: str) -> str:
    if not isinstance(raw[key], str):
        raise TypeError(f"{key} is not text")
    return str(raw[key])


def _cell(raw: dict[str, Any]) -> Cell:
    points = tuple(Point(**{key: float(value) for key, value in point.items()}) for point in raw["points"])
    counts = {key: int(raw[key]) for key in ("references", "probes", "people_pairs", "mated", "non_mated")}
    return Cell(**counts, slope=float(raw["slope"]), intercept=float(raw["intercept"]), points=points)
