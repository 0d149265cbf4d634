"""The mean face that searches subtract: an aggregate with its provenance, the operator's own before the packaged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heirloom.decision.center import FEWEST_PEOPLE, PACKAGED, Center, centers, dump, mean_of_people, parse
from heirloom.decision.policy import Provenance
from heirloom.decision.policy_cells import PolicyError
from heirloom.decision.policy_files import file_name, load

BUILT_IN = "dlib-resnet-v1-avg3"
SOURCE = Provenance("made up", FEWEST_PEOPLE, 2 * FEWEST_PEOPLE, "2026-01-05", "manage.py calibrate --folder made-up")
CENTER = Center("made-up", SOURCE, (0.5, -0.25, 0.125))


def test_every_packaged_center_is_whole_and_belongs_to_a_policy() -> None:
    paths = list(PACKAGED.glob("*.json"))
    assert paths
    for path in paths:
        center, policy = parse(path.read_text()), load(parse(path.read_text()).model)
        assert path.name == file_name(center.model)
        assert policy is not None
        assert policy.provenance.data_set == center.provenance.data_set
        assert policy.provenance.images == center.provenance.images > 1_000


def test_the_built_in_recognisers_templates_lie_in_a_narrow_cone_around_its_center() -> None:
    (center,) = centers(BUILT_IN)
    assert len(center.vector) == 128
    assert 0.8 < float(np.dot(center.vector, center.vector)) < 0.9


def test_a_model_that_was_not_measured_has_none() -> None:
    assert centers("nobody-measured-this") == ()


def test_the_operators_own_comes_first_and_the_packaged_stays_known(tmp_path: Path) -> None:
    (packaged,) = centers(BUILT_IN)
    own = replace(packaged, vector=(0.5,) + (0.0,) * 127)
    (tmp_path / file_name(BUILT_IN)).write_text(dump(own))
    assert centers(BUILT_IN, tmp_path) == (own, packaged)


def test_a_center_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    assert parse(dump(CENTER)) == CENTER
    (tmp_path / file_name("another")).write_text(dump(CENTER))
    with pytest.raises(PolicyError, match="'made-up', not of 'another'"):
        centers("another", tmp_path)


def test_each_person_counts_once_however_many_pictures_there_are() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], np.float32)
    assert mean_of_people(vectors, np.array([7, 7, 7, 9])) == (0.5, 0.5)


def test_the_mean_of_few_people_is_refused() -> None:
    with pytest.raises(PolicyError, match="too few"):
        replace(CENTER, provenance=replace(SOURCE, people=FEWEST_PEOPLE - 1))


@pytest.mark.parametrize("vector", [(), (float("nan"), 0.0), (1.0, 1.0)])
def test_what_is_no_mean_of_unit_vectors_is_refused(vector: tuple[float, ...]) -> None:
    with pytest.raises(PolicyError, match="no mean"):
        replace(CENTER, vector=vector)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"model": "m", "provenance": {}, "vector": [1]}'])
def test_what_is_no_center_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        parse(text)
