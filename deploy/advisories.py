#!/usr/bin/env python
"""Look up every locked package among the known vulnerabilities: `deploy/advisories.py`, run by `make check`.

A package with a known hole is a fault, unless pyproject.toml names its id with a reason. A package that could not be
looked up is not a good one: it is told, loudly, and is a fault too where ADVISORIES=required is set, as it should be
wherever releases are made.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements-dev.txt"
"""Whatever is installed anywhere, but for the CUDA libraries of requirements-gpu.txt."""
WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Looked:
    """holes: "package version: id". unknown: packages that could not be looked up; `why` is the first reason given."""

    holes: tuple[str, ...] = ()
    packages: int = 0
    unknown: tuple[str, ...] = ()
    why: str = ""


def look() -> Looked:
    """Ask pip-audit; an answer that is none makes every package unknown."""
    command = [sys.executable, "-m", "pip_audit", "-r", LOCK, "--no-deps", "--disable-pip", "--format", "json"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        return read(json.loads(done.stdout)["dependencies"])
    except subprocess.TimeoutExpired:
        return Looked(unknown=("all",), why=f"no answer within {WITHIN_S} s")
    except (ValueError, KeyError):
        return Looked(unknown=("all",), why=(done.stderr.strip().splitlines() or ["no answer"])[-1][:200])


def read(found: Sequence[Mapping[str, object]]) -> Looked:
    """found: as pip-audit's JSON lists packages, each with `vulns`, or `skip_reason`."""
    holes, unknown, why = [], [], ""
    for package in found:
        name = f"{package['name']} {package.get('version', '')}".strip()
        if "skip_reason" in package or "vulns" not in package:
            unknown.append(name)
            why = why or str(package.get("skip_reason", "no answer"))
        holes += [f"{name}: {hole['id']}" for hole in package.get("vulns", ())]  # type: ignore[attr-defined]
    return Looked(tuple(holes), len(found), tuple(unknown), why)


def told(looked: Looked, accepted: Mapping[str, str], *, required: bool) -> tuple[int, list[str]]:
    """Return the exit status and what to say."""
    holes = [hole for hole in looked.holes if hole.rpartition(": ")[2] not in accepted]
    lines = [f"KNOWN HOLE  {hole}" for hole in holes]
    if looked.unknown or not looked.packages:
        share = f"{len(looked.unknown)} of {looked.packages} packages" if looked.packages else "any package"
        lines.append(
            f"NOT CHECKED: {share} could not be looked up among the known holes ({looked.why or 'no answer'})."
        )
        lines.append(
            "Before each release, run `make advisories ADVISORIES=required` where their database can be reached."
        )
    elif not holes:
        lines.append(f"Known holes: none in {looked.packages} packages.")
    unsure = bool(looked.unknown) or not looked.packages
    return int(bool(holes) or (required and unsure)), lines


def main() -> int:
    accepted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["heirloom"]["advisories"]
    status, lines = told(look(), accepted, required=os.environ.get("ADVISORIES") == "required")
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
