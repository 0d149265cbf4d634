"""How often a face is forecast to be missed: the probability of a false non-match, from what tells it best.

Two things do (docs/models/quality.md): how well the chips of one face agree after the recogniser, and how well two
landmark models agree about it before. A logistic regression of each weighs them, by the model of the template: learned
from genuine pairs of single photos at the pooled threshold for FMR 1e-4, and kept in forecast.json. Of a face without a
template, or with one of a model that was not measured, what its pixels and landmarks show forecasts the built-in model.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from heirloom.vision.types import Template

DATA_FILE = Path(__file__).with_name("forecast.json")
LEAST = 1e-6
DISAGREEMENT_FROM = 0.02
"""Under this, in eye distances, landmark models differ by chance (the median of LFW)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of the logarithm of the odds of a miss: a constant, and one weight for each of `signals`' names."""

    constant: float
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Numbers:
    """provenance: on whom, when, by which command. face: without a template. models: by the name of the model."""

    provenance: Mapping[str, Any]
    face: Weights
    models: Mapping[str, Weights]


@cache
def numbers() -> Numbers:
    """Return the packaged numbers."""
    raw = json.loads(DATA_FILE.read_text(encoding="utf-8"))
    return Numbers(raw["provenance"], Weights(**raw["face"]), {k: Weights(**v) for k, v in raw["models"].items()})


def missed(disagreement: float | None, sharpness: float, template: Template | None) -> float | None:
    """Return the probability, 0..1, that a comparison with another photo of the person is missed.

    disagreement: of two landmark models, in eye distances. None where a signal that the forecast rests on is absent.
    """
    known = numbers()
    weights = known.face if template is None else known.models.get(template.model, known.face)
    told = signals(disagreement, sharpness, None if template is None else template.agreement)
    odds = weights.constant
    for name, weight in weights.signals.items():
        value = told[name]
        if value is None or not math.isfinite(value):
            return None
        odds += weight * value
    return 0.5 * (1 + math.tanh(odds / 2))


def signals(disagreement: float | None, sharpness: float, agreement: float | None) -> dict[str, float | None]:
    """Return what a forecast may rest on, each so that the odds follow it in a straight line."""
    return {
        "chips_apart": None if agreement is None else math.log(max(1 - agreement, LEAST)),
        "landmarks_apart": None if disagreement is None else math.log(max(disagreement, 0.0) + DISAGREEMENT_FROM),
        "sharpness": math.log(max(sharpness, LEAST)),
    }
