"""What one check of `manage.py doctor` found."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """WARNING: the main job can run all the same. FAULT: it cannot."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table; a remedy stands wherever the state is not OK."""

    part: str
    state: State
    detail: str
    remedy: str = ""


def ok(part: str, detail: str) -> Finding:
    return Finding(part, State.OK, detail)


def warning(part: str, detail: str, remedy: str) -> Finding:
    return Finding(part, State.WARNING, detail, remedy)


def fault(part: str, detail: str, remedy: str) -> Finding:
    return Finding(part, State.FAULT, detail, remedy)


def table(findings: Iterable[Finding]) -> str:
    """Return the findings as aligned text, each remedy under its line."""
    rows = list(findings)
    width = max(len(row.part) for row in rows)
    lines = []
    for row in rows:
        lines.append(f"{row.part:<{width}}  {row.state:<7}  {row.detail}")
        if row.remedy:
            lines.append(f"{'':<{width}}  {'':<7}  -> {row.remedy}")
    return "\n".join(lines)
