"""The same face gives alike templates, another face does not."""

import numpy as np

from heirloom.media.types import Image
from heirloom.vision.comparison import compare
from heirloom.vision.engine import VisionEngine
from heirloom.vision.types import AnalysisRequest, Template
from tests.pictures import retaken, side_by_side
from tests.portraits import Portrait
from tests.vision.conftest import opened

REQUEST = AnalysisRequest(want=frozenset({"template"}))
CLEAR_MATCH = 0.955
"""The raw score that one in 100,000 pairs of different people reaches on LFW."""


def template(engine: VisionEngine, image: Image, request: AnalysisRequest = REQUEST) -> Template:
    [frame] = engine.analyze([image], request)
    made = frame.faces[0].template
    assert made is not None
    return made


def test_a_template_is_of_unit_length_and_named(engine: VisionEngine, hopper: Image) -> None:
    made = template(engine, hopper)
    assert made.model == "dlib-resnet-v1-avg3"
    assert made.vector.shape == (128,)
    assert np.linalg.norm(made.vector) == np.float32(1) or abs(np.linalg.norm(made.vector) - 1) < 1e-6


def test_another_photo_of_the_same_face_matches(engine: VisionEngine, portraits: dict[str, Portrait]) -> None:
    for portrait in portraits.values():
        again = opened(retaken(portrait))
        assert compare(template(engine, Image(portrait.pixels)), template(engine, again)) > CLEAR_MATCH


def test_two_people_do_not_match(engine: VisionEngine, astronaut: Image, hopper: Image) -> None:
    assert compare(template(engine, astronaut), template(engine, hopper)) < CLEAR_MATCH - 0.03


def test_pictures_of_one_call_are_answered_in_order(engine: VisionEngine, astronaut: Image, hopper: Image) -> None:
    alone = [template(engine, image) for image in (astronaut, hopper)]
    together = engine.analyze([hopper, astronaut, hopper], REQUEST)
    made = [frame.faces[0].template for frame in together]
    for index, expected in ((0, alone[1]), (1, alone[0]), (2, alone[1])):
        assert compare(made[index], expected) > 0.99999


def test_the_main_face_alone_gets_a_template_when_asked_so(
    engine: VisionEngine, portraits: dict[str, Portrait]
) -> None:
    both = opened(side_by_side(portraits["astronaut"], portraits["hopper"]))
    [every] = engine.analyze([both], REQUEST)
    assert all(face.template is not None for face in every.faces)
    [main] = engine.analyze([both], AnalysisRequest(want=frozenset({"template"}), main_face_only=True))
    assert [face.template is not None for face in main.faces] == [True, False]


def test_no_template_is_made_unasked(engine: VisionEngine, hopper: Image) -> None:
    [frame] = engine.analyze([hopper], AnalysisRequest())
    assert frame.faces[0].template is None
    assert frame.faces[0].attack == ()
