"""Templates are compared by cosine, and only with their own kind."""

import numpy as np
import pytest

from heirloom.vision.comparison import compare, mean_template
from heirloom.vision.types import ModelMismatchError, Template


def made(*numbers: float, model: str = "a") -> Template:
    vector = np.array(numbers, np.float32)
    return Template(model, (vector / np.linalg.norm(vector)).astype(np.float32))


def test_a_template_is_most_alike_itself() -> None:
    assert compare(made(1, 2, 3), made(1, 2, 3)) == pytest.approx(1.0)


def test_opposite_templates_score_minus_one() -> None:
    assert compare(made(1, 0), made(-1, 0)) == -1.0


def test_templates_of_two_models_are_never_compared() -> None:
    with pytest.raises(ModelMismatchError):
        compare(made(1, 0), made(1, 0, model="b"))


def test_a_mean_is_of_unit_length() -> None:
    mean = mean_template([made(1, 0), made(0, 1)])
    np.testing.assert_allclose(mean.vector, [2**-0.5, 2**-0.5], atol=1e-6)


def test_templates_of_two_models_have_no_mean() -> None:
    with pytest.raises(ModelMismatchError):
        mean_template([made(1, 0), made(1, 0, model="b")])


def test_no_templates_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no templates"):
        mean_template([])
