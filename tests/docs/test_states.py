"""docs/states.md names every state that the code knows, and tests that are there."""

import re
from pathlib import Path

from enrollment.models import Enrollment, Import, ImportRow
from heirloom.decision.verification import Outcome
from heirloom.jobs.models import JobState
from heirloom.reviews.models import Review
from heirloom.webhooks.models import DeliveryState
from verification.models import Verification

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "states.md").read_text()
STATES = {
    "verification": [*(outcome.value for outcome in Outcome), Verification.Decision.PENDING.value],
    "review": Review.Verdict.values,
    "enrollment": Enrollment.Outcome.values,
    "import": Import.Outcome.values,
    "import line": ImportRow.Verdict.values,
    "job": JobState.values,
    "webhook delivery": DeliveryState.values,
}


def rows() -> dict[str, str]:
    """Return the lines of the table about each thing."""
    found: dict[str, str] = {}
    thing = ""
    for line in PAGE.splitlines():
        if line.startswith("| ") and not line.startswith("| thing"):
            thing = line.split("|")[1].strip() or thing
            found[thing] = found.get(thing, "") + line + "\n"
    return found


def test_every_state_of_every_thing_stands_there() -> None:
    told = rows()
    for thing, states in STATES.items():
        for state in states:
            assert f"`{state}`" in told[thing], f"{thing}: {state}"


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 30
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
