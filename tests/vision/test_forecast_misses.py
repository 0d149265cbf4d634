"""The score of a face that passes forecasts how often it will match; what cannot be forecast is not."""

import numpy as np
import pytest

from heirloom.media.types import Image
from heirloom.vision import forecast, gates
from heirloom.vision.engine import VisionEngine
from heirloom.vision.features import templates
from heirloom.vision.packs import dlib
from heirloom.vision.types import AnalysisRequest, Template


def made(agreement: float | None, model: str = dlib.MODEL) -> Template:
    return Template(model, np.ones(1, np.float32), None, agreement)


def test_the_less_the_chips_agree_the_more_is_missed() -> None:
    found = [forecast.missed(0.03, 1.1, made(agreement)) for agreement in (0.998, 0.996, 0.993, 0.985)]
    assert found == sorted(found)  # type: ignore[type-var]
    assert found[0] is not None
    assert 0 < found[0] < 0.2
    assert found[-1] is not None
    assert 0.4 < found[-1] < 1


def test_the_less_the_landmark_models_agree_the_more_is_missed() -> None:
    found = [forecast.missed(apart, 1.1, made(0.996)) for apart in (0.01, 0.05, 0.15)]
    assert found == sorted(found)  # type: ignore[type-var]


def test_a_blurred_face_is_missed_more() -> None:
    sharp, blurred = (forecast.missed(0.03, sharpness, None) for sharpness in (1.1, 0.5))
    assert sharp is not None
    assert blurred is not None
    assert sharp < blurred


@pytest.mark.parametrize("template", [made(0.996, "another-model"), made(None, "another-model"), None])
def test_a_model_that_was_not_measured_is_forecast_by_the_face_alone(template: Template | None) -> None:
    assert forecast.missed(0.03, 1.1, template) == forecast.missed(0.03, 1.1, None)


def test_an_absent_signal_forecasts_nothing() -> None:
    assert forecast.missed(None, 1.1, made(0.996)) is None
    assert forecast.missed(0.03, 1.1, made(None)) is None
    assert forecast.missed(float("nan"), 1.1, None) is None


def test_the_numbers_say_where_they_come_from() -> None:
    told = forecast.numbers().provenance
    assert told["command"] == "python -m bench.studies.discard"
    assert told["people"] > 1000


def test_the_score_is_the_forecast(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest(want=frozenset({"template"})))
    (seen,) = frame.faces
    assert seen.template is not None
    assert seen.template.agreement is not None
    expected = forecast.missed(seen.face.disagreement, seen.quality.sharpness, seen.template)
    assert expected is not None
    assert seen.quality.score == pytest.approx(100 * (1 - expected))
    assert seen.quality.score > gates.PASSING_SCORE


class OneChip:
    """A recogniser that looks at one chip, or at two that say different things."""

    model, dimensions, norm_is_quality = "m", 2, False

    def __init__(self, chips: int) -> None:
        self._chips = chips

    def chips(self, _image: Image, _face: object) -> np.ndarray:
        return np.zeros((self._chips, 1, 1, 3), np.uint8)

    def vectors(self, chips: np.ndarray) -> np.ndarray:
        return np.array([(3, 0), (0, 5)][: len(chips)], np.float32)


def test_agreement_is_the_length_of_the_mean_and_none_for_one_chip(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    view = [(hopper, frame.faces[0].face)]
    (alone,), (two,) = (templates(OneChip(count), view) for count in (1, 2))  # type: ignore[arg-type]
    assert alone.agreement is None
    assert two.agreement == pytest.approx(np.sqrt(0.5))
