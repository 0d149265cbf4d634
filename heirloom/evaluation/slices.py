"""Groups that an operator declares, told of only where nobody can be picked out of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

FEWEST_PEOPLE = 10
"""A group of fewer is merged with others. Fewer show next to nothing (no error in ten leaves up to 26 % open), and
whoever knows all of a small group but one would read off that one's error."""
OTHERS = "others"
UNDECLARED = "not declared"


def merged(labels: Mapping[int, str], fewest: int = FEWEST_PEOPLE) -> dict[int, str]:
    """Return each person's group after those of fewer than `fewest` people became one, "others".

    Where that one is too small itself, the smallest of the rest joins it: else it could be had by subtracting the told
    groups from all people. Nobody is left out; where all ends in one group, there is nothing to tell apart.
    """
    sizes = Counter(_named(label) for label in labels.values())
    small = {name for name, size in sizes.items() if size < fewest}
    for name, _ in sorted(
        ((name, size) for name, size in sizes.items() if name not in small), key=lambda each: each[1]
    ):
        if not small or sum(sizes[one] for one in small) >= fewest:
            break
        small.add(name)
    if len(small) == 1 and sizes[next(iter(small))] >= fewest:
        small = set()
    return {who: OTHERS if _named(label) in small else _named(label) for who, label in labels.items()}


def names(groups: Mapping[int, str]) -> Sequence[str]:
    """Return the groups, the largest first."""
    return [name for name, _ in sorted(Counter(groups.values()).items(), key=lambda each: (-each[1], each[0]))]


def _named(label: str) -> str:
    return " ".join(label.split())[:80] or UNDECLARED
