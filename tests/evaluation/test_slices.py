"""Groups are told of only where nobody can be picked out of them, not even by subtracting."""

from heirloom.evaluation.slices import OTHERS, UNDECLARED, merged, names


def people(**sizes: int) -> dict[int, str]:
    labels = [name for name, size in sizes.items() for _ in range(size)]
    return dict(enumerate(labels))


def sizes(groups: dict[int, str]) -> dict[str, int]:
    return {name: list(groups.values()).count(name) for name in names(groups)}


def test_large_groups_stand_by_themselves() -> None:
    assert sizes(merged(people(a=10, b=30))) == {"b": 30, "a": 10}


def test_small_ones_are_one() -> None:
    assert sizes(merged(people(a=40, b=6, c=7))) == {"a": 40, OTHERS: 13}


def test_what_is_left_over_takes_the_smallest_group_along() -> None:
    assert sizes(merged(people(a=40, b=12, c=3))) == {"a": 40, OTHERS: 15}


def test_where_all_are_few_there_is_nothing_to_tell_apart() -> None:
    assert sizes(merged(people(a=4, b=3))) == {OTHERS: 7}


def test_who_declared_nothing_is_a_group_as_well() -> None:
    assert sizes(merged({**people(a=20), **{100 + n: " " for n in range(15)}})) == {"a": 20, UNDECLARED: 15}
