"""How alike two templates are, in the recogniser's own raw numbers."""

from collections.abc import Sequence

import numpy as np

from heirloom.vision.features import unit
from heirloom.vision.types import ModelMismatchError, Template


def compare(probe: Template, reference: Template) -> float:
    """Return the raw comparison score of two templates, the cosine in [-1, 1]; higher is more alike.

    Raises ModelMismatchError if two different recognisers made them.
    """
    _same_model([probe, reference])
    return float(np.clip(probe.vector.astype(np.float64) @ reference.vector.astype(np.float64), -1.0, 1.0))


def mean_template(templates: Sequence[Template]) -> Template:
    """Return the mean of unit vectors, scaled to unit length: one template for several pictures of one person.

    Its norm is the mean of theirs where each has one.

    Raises ModelMismatchError if different recognisers made them, ValueError if there are none.
    """
    if not templates:
        raise ValueError("the mean of no templates is not defined")
    _same_model(templates)
    norms = [template.norm for template in templates if template.norm is not None]
    norm = float(np.mean(norms)) if len(norms) == len(templates) else None
    return Template(templates[0].model, unit(np.mean([template.vector for template in templates], axis=0)), norm)


def _same_model(templates: Sequence[Template]) -> None:
    models = sorted({template.model for template in templates})
    if len(models) > 1:
        raise ModelMismatchError(f"templates of different models are never compared: {', '.join(models)}")
