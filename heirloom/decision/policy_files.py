"""Policies as JSON files: the packaged ones, and an installation's own, which win."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from heirloom.decision.policy import Policy, Provenance
from heirloom.decision.policy_cells import Cell, GroupRate, GroupRates, Held, Point, PolicyError
from heirloom.decision.policy_searches import parse_searches

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
    """Return the policy written in JSON. A file from before groups were measured has none, and its points are not held.

    Raises PolicyError if a field is missing, unknown, of the wrong type, or the whole is inconsistent.
    """
    try:
        raw = json.loads(text)
        return Policy(
            name=_text(raw, "name"),
            model=_text(raw, "model"),
            provenance=Provenance(**raw["provenance"]),
            cells=tuple(_cell(cell) for cell in raw["cells"]),
            groups=tuple(_group(group) for group in raw.get("groups", ())),
            searches=tuple(map(parse_searches, raw.get("searches", ()))),
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
    counts = {key: int(raw[key]) for key in ("references", "probes", "people_pairs", "mated", "non_mated")}
    points = tuple(_point(dict(point)) for point in raw["points"])
    return Cell(**counts, slope=float(raw["slope"]), intercept=float(raw["intercept"]), points=points)


def _point(raw: dict[str, Any]) -> Point:
    held = raw.pop("held", None)
    return Point(**_numbers(raw), held=None if held is None else _held(dict(held)))


def _held(raw: dict[str, Any]) -> Held:
    group, shown = _text(raw, "group"), raw["shown"]
    if not isinstance(shown, bool):
        raise TypeError("shown is neither true nor false")
    return Held(**_numbers({key: raw[key] for key in raw if key not in ("group", "shown")}), group=group, shown=shown)


def _group(raw: dict[str, Any]) -> GroupRates:
    counts = {key: int(raw[key]) for key in ("people", "images", "people_pairs", "non_mated")}
    rates = tuple(_rate(dict(rate)) for rate in raw["rates"])
    return GroupRates(attribute=_text(raw, "attribute"), name=_text(raw, "name"), **counts, rates=rates)


def _rate(raw: dict[str, Any]) -> GroupRate:
    share, low, high = (
        None if value is None else float(value)
        for value in (raw.pop("fnmr"), raw.pop("fnmr_low"), raw.pop("fnmr_high"))
    )
    return GroupRate(**_numbers(raw), fnmr=share, fnmr_low=low, fnmr_high=high)


def _numbers(raw: dict[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in raw.items()}
