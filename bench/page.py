"""docs/benchmarks.md: the machine, and a part for each section: when, at which commit and load it was measured."""

import re
from collections.abc import Iterable

from bench.figures import Section
from bench.instance import ROOT
from bench.machine import Moment, described
from bench.table import piped

PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Written by `make bench`. The line under each title names the command that measures that section alone (with `--write`,
onto this page), and when it was measured, at which commit, and how busy the machine was. What is measured is a whole
system as `make run` starts it (web, worker, vision process, beat and PostgreSQL on one machine), made for the purpose
and asked over HTTP. The face is the public-domain portrait inside matplotlib, and what is derived from it.
"""
GOALS = ("goal", "measured", "wanted at most", "limit", "")
_PARTS = re.compile(r"^## ", re.MULTILINE)
_COMMAND = re.compile(r"^`python -m bench\.run ([a-z0-9-]+)`", re.MULTILINE)


def shown(section: Section, moment: Moment) -> str:
    """Return one section as Markdown."""
    parts = [f"## {section.title}", "", f"`python -m bench.run {section.name}`, {moment}", ""]
    if section.goals:
        parts += [piped(GOALS, [goal.row() for goal in section.goals]), ""]
    parts += [piped(section.header, section.rows), ""] if section.rows else []
    for note in section.notes:
        parts += [note, ""]
    return "\n".join(parts)


def write(measured: dict[str, str], order: Iterable[str]) -> None:
    """Put the sections, as shown, in their places on the page; those not measured now stay as they are."""
    never = {name: f"## {name}\n\n`python -m bench.run {name}`, not measured yet\n" for name in order}
    kept = never | _on_page() | measured
    parts = [HEAD, piped(("measured on", ""), described()), "", *(kept[name] for name in never)]
    PAGE.write_text("\n".join(parts))


def _on_page() -> dict[str, str]:
    parts = _PARTS.split(PAGE.read_text())[1:] if PAGE.exists() else []
    named = ((_COMMAND.search(part), part) for part in parts)
    return {found.group(1): f"## {part.rstrip()}\n" for found, part in named if found}
