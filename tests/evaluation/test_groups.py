"""Whom a recogniser fails: rates within groups, thresholds held to the worst of them, and the words for both."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from heirloom.decision.policy import Policy
from heirloom.decision.policy_files import dump, parse
from heirloom.evaluation import reports
from heirloom.evaluation.calibration import Measured, measure
from heirloom.evaluation.gallery import Gallery
from heirloom.evaluation.groups import FEWEST, Grouping, Within, groups_in
from heirloom.evaluation.proposal import propose
from heirloom.evaluation.rates import rate
from heirloom.evaluation.report import Report, Section, plain
from tests.evaluation import made

COUNTS = ((1, 1), (2, 1), (2, 2))
SOURCE = replace(made.SOURCE, groups="made up for tests")
ALIKE, OTHERS = "kind: alike", "kind: others"


@pytest.fixture(scope="module")
def measured() -> tuple[Measured, ...]:
    gallery, grouping = made.alike(300, 4, few=60)
    return measure(gallery, COUNTS, grouping=grouping)


@pytest.fixture(scope="module")
def policy(measured: tuple[Measured, ...]) -> Policy:
    found = propose(SOURCE, measured)
    assert found is not None
    return found


def group(measured: tuple[Measured, ...], label: str) -> Within:
    return next(each for each in measured[0].within if each.label == label)


def test_a_group_is_measured_on_its_own_people(measured: tuple[Measured, ...]) -> None:
    alike = group(measured, ALIKE)
    assert (alike.people, alike.images, alike.people_pairs) == (60, 240, 60 * 59 // 2)
    assert alike.non_mated == 60 * 59 // 2 * 16
    assert alike.mated_trials == 120


def test_the_pooled_threshold_hides_a_group_that_it_fails(policy: Policy) -> None:
    worst = policy.worst(1e-3)
    assert worst is not None
    assert worst[0].label == ALIKE
    assert worst[1].low > 2e-3
    assert worst[1].threshold == policy.pooled_threshold(1, 1, 1e-3)


def test_what_is_in_force_keeps_the_target_in_every_group(policy: Policy, measured: tuple[Measured, ...]) -> None:
    for one in measured:
        threshold = policy.threshold(one.references, one.probes, 1e-3)
        assert threshold is not None
        assert {each.label for each in one.within} == {ALIKE, OTHERS}
        assert all(each.fmr(threshold).value <= 1e-3 for each in one.within)


def test_what_is_in_force_is_no_higher_than_the_worst_group_needs(
    policy: Policy, measured: tuple[Measured, ...]
) -> None:
    threshold = policy.threshold(1, 1, 1e-3)
    assert threshold is not None
    assert group(measured, ALIKE).fmr(threshold - 2e-5).value > 1e-3


def test_a_threshold_that_approves_holds_for_other_people_of_the_group(policy: Policy) -> None:
    (single,) = [cell for cell in policy.cells if cell.references == cell.probes == 1]
    others, _ = made.alike(300, 4, few=60)
    fresh = made.gallery(60, 4, seed=99)
    vectors = fresh.vectors.copy()
    vectors[:, 0] += 0.35
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    strangers = vectors @ others.vectors[others.people < 60].T
    lenient = next(point.held for point in single.points if point.fmr == 1e-2)
    assert lenient is not None
    assert lenient.upper_threshold > lenient.threshold
    assert np.mean(strangers >= lenient.upper_threshold) <= 1e-2


def test_a_target_that_a_group_is_too_small_for_is_not_called_shown(policy: Policy) -> None:
    (single,) = [cell for cell in policy.cells if cell.references == cell.probes == 1]
    shown = {point.fmr: point.held.shown for point in single.points if point.held}
    assert shown[1e-2]
    assert not shown[1e-4]  # 1,770 pairs of people show no rate under 3 / 1,770


def test_held_thresholds_never_fall_when_counts_grow(policy: Policy) -> None:
    for fmr in (1e-2, 1e-3, 1e-4):
        thresholds = [policy.threshold(*counts, fmr) for counts in COUNTS]
        assert all(low is not None and high is not None and low <= high for low, high in pairwise(thresholds))


def test_a_group_too_small_in_a_cell_is_held_to_what_it_needed_for_single_pictures() -> None:
    gallery, grouping = made.alike(300, 4, few=60)
    number = np.arange(len(gallery.people)) % 4
    gallery = gallery.only((gallery.people >= 60) | (number < 1) | (gallery.people < FEWEST - 1))
    policy = propose(SOURCE, measure(gallery, ((1, 1), (2, 2)), grouping=grouping))
    assert policy is not None
    cells = {(cell.references, cell.probes): cell for cell in policy.cells}
    for one, both in zip(cells[1, 1].points, cells[2, 2].points, strict=False):
        assert one.held is not None
        assert both.held is not None
        over = max(0.0, one.held.threshold - one.threshold)
        assert both.held.threshold >= both.threshold + over - 2e-5
        assert (both.held.group, both.held.shown) == (ALIKE, False)


def test_a_group_of_fewer_people_than_may_be_shown_is_left_out() -> None:
    gallery, grouping = made.alike(300, 4, few=FEWEST - 1)
    (single,) = measure(gallery, ((1, 1),), grouping=grouping)
    assert [each.name for each in single.within] == ["others"]


def test_the_interval_of_a_group_is_wider_than_its_pairs_alone_would_make_it(measured: tuple[Measured, ...]) -> None:
    alike = group(measured, ALIKE)
    ((threshold, _),) = alike.thresholds([1e-2])
    over_people = alike.fmr(threshold)
    over_pairs = rate(over_people.value * alike.non_mated, alike.non_mated)
    assert over_people.low < over_pairs.low < over_people.value < over_pairs.high < over_people.high
    assert alike.fmr(threshold) == over_people


def test_whoever_has_most_pictures_does_not_stand_for_the_group() -> None:
    people = np.repeat(np.arange(40), [30, *[1] * 39])
    vectors = made.gallery(40, 1).vectors[people]
    vectors[people == 1] = vectors[0]  # taken for the first person in all of thirty comparisons
    (single,) = measure(Gallery(vectors, people), ((1, 1),), grouping=Grouping({"kind": np.full(40, "a")}, "made up"))
    assert single.non_mated.fmr(0.99).errors == 30
    assert single.within[0].fmr(0.99).value == pytest.approx(1 / (40 * 39 / 2))


def test_where_nobody_was_taken_for_another_the_pairs_of_people_bound_the_rate(measured: tuple[Measured, ...]) -> None:
    alike = group(measured, ALIKE)
    none = alike.fmr(1.0)
    assert none.value == none.low == 0
    assert 3 / alike.people_pairs < none.high < 5 / alike.people_pairs


def test_a_policy_with_groups_survives_being_written_and_read(policy: Policy) -> None:
    assert parse(dump(policy)) == policy
    assert policy.provenance.groups == "made up for tests"


def sections(report: Report) -> dict[str, Section]:
    return {section.name: section for section in report.sections}


def test_a_report_says_whom_the_thresholds_fail_first(measured: tuple[Measured, ...], policy: Policy) -> None:
    told = reports.of_calibration(SOURCE, measured, policy)
    first = told.sections[0]
    assert first.table is not None
    rows = {row[0]: dict(zip(first.table.header, row, strict=True)) for row in first.table.rows}
    assert list(rows) == ["everybody", ALIKE, OTHERS]
    assert rows[ALIKE]["people"] == "60"
    assert "worst over best (alike over others)" in first.text[-1]
    strict = sections(told)["groups-0.0001"]
    assert strict.table is not None
    assert "1,770 pairs of people show no rate under 0.0017" in strict.table.rows[1][-1]
    held = sections(told)["held"]
    assert held.table is not None
    assert {row[5] for row in held.table.rows} == {ALIKE}


def test_an_evaluation_judges_groups_at_what_is_in_force(measured: tuple[Measured, ...], policy: Policy) -> None:
    told = sections(reports.of_evaluation(SOURCE, measured, policy))
    assert f"({policy.threshold(1, 1, 1e-3):.4f})" in told["groups-0.001"].title


@pytest.mark.parametrize("report", [reports.of_calibration, reports.of_evaluation])
def test_without_groups_a_report_warns_that_nobody_knows_whom_it_fails(report: Callable[..., Report]) -> None:
    plainly = measure(made.gallery(500, 4), ((1, 1),))
    assert "No groups were given" in plain(report(made.SOURCE, plainly, propose(made.SOURCE, plainly)))


def test_groups_are_read_by_the_names_of_people(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("person,race,site\nbob, black ,north\ncarol,,south\nnobody,white,north\n")
    found = groups_in(file, ["alice", "bob", "carol"])
    assert {name: values.tolist() for name, values in found.attributes.items()} == {
        "race": ["", "black", ""],
        "site": ["", "north", "south"],
    }
    assert found.how == "as groups.csv says: race, site"
    assert [(attribute, name) for attribute, name, _ in found.groups()] == [
        ("race", "black"),
        ("site", "north"),
        ("site", "south"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no table"),
        ("person\nbob\n", "no table"),
        ("person,race\nbob\n", "no table"),
        ("person,race\nbob,white\nbob,black\n", "twice"),
        ("person,race\nsomebody,white\n", "none of these"),
    ],
)
def test_a_file_that_says_nothing_of_these_people_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        groups_in(file, ["bob"])


def test_who_belongs_to_no_group_counts_among_everybody_alone() -> None:
    grouping = Grouping({"kind": np.array(["", "a", "a"])}, "made up")
    ((_, name, members),) = grouping.groups()
    assert (name, members.tolist()) == ("a", [False, True, True])
