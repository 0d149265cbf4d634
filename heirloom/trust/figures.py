"""A rate as the trust report tells it: with how many stand behind it, and what it does not show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from heirloom.evaluation.rates import Rate, caveat, rate
from heirloom.evaluation.slices import FEWEST_PEOPLE


@dataclass(frozen=True, slots=True)
class Figure:
    """One rate. counted: what n counts. not_shown: what nobody may read out of it.

    people: how many stand behind it, where that is known; of fewer than FEWEST_PEOPLE no rate is told.
    """

    name: str
    title: str
    counted: str
    not_shown: str
    people: int
    rate: Rate | None

    def told(self) -> dict[str, Any]:
        """Return it as it stands in the report: the rate and its interval, or why there is none."""
        few = self.people < FEWEST_PEOPLE
        parts: Mapping[str, Any] = {} if few or self.rate is None else asdict(self.rate)
        if few:
            caution = f"Fewer than {FEWEST_PEOPLE} people: not told."
        else:
            caution = "Nothing was counted." if self.rate is None else caveat(self.rate)
        value = None if not parts or self.rate is None else self.rate.value
        return {
            "name": self.name,
            "title": self.title,
            "counted": self.counted,
            "not_shown": self.not_shown,
            "people": None if few else self.people,
            "value": value,
            "low": parts.get("low"),
            "high": parts.get("high"),
            "n": parts.get("trials"),
            "caution": caution,
        }


def share(errors: float, trials: int) -> Rate | None:
    """Return a rate; None where nothing was tried."""
    return rate(errors, trials) if trials else None
