"""Erasing somebody, then searching the disk for them with the key ring in hand."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.intrusion.disk import found
from bench.intrusion.target import Finding, Target

PERSON = {
    "full_name": "Ermintrude Vanishing",
    "employee_id": "vanishing-77421",
    "email": "ermintrude.vanishing@example.org",
    "metadata": {"note": "vanishing metadata 5b1c"},
}
CONSENT = {"policy_version": "2026-1", "method": "written", "given_at": "2026-01-05T09:00:00Z"}


def attack(target: Target) -> Iterator[Finding]:
    var = Path(target.instance.environment["HEIRLOOM_VAR"])
    hr, photo = target.caller("hr"), target.portraits["astronaut"].jpeg
    person = hr.post("/people/", json=PERSON)["id"]
    hr.post(f"/people/{person}/consents/", json=CONSENT)
    hr.follow(hr.post(f"/people/{person}/captures/", files=[("files", ("1.jpg", photo, "image/jpeg"))]))
    held = json.loads(target.instance.python("-m", "bench.intrusion.held", "marks", person))
    marks = {name: bytes.fromhex(mark) for name, mark in held["marks"].items()}
    before = found(marks, var)
    hr.post(f"/people/{person}/erase/")
    opens = json.loads(target.instance.python("-m", "bench.intrusion.held", "opens", said=json.dumps(held["key"])))
    yield Finding(held=not opens, figure=f"the wrapped key from before opens with ring and shares: {opens}")
    began = time.monotonic()
    target.instance.python("manage.py", "erasures", "--complete")
    spent, after = time.monotonic() - began, found(marks, var)
    left = sorted(set(after) - {"wrapped key"})
    figure = f"{len(before)} of {len(marks)} marks on the disk before, {len(left)} after {spent:.1f} s of work"
    yield Finding(held=len(before) == len(marks) and not left, figure=f"{figure} {_where(after, left)}".rstrip())


def _where(after: dict[str, Any], left: list[str]) -> str:
    return "; ".join(f"{name} in {', '.join(sorted(after[name]))}" for name in left)
