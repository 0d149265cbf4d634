"""A thief of the database and the files, who may also write to it: what is read there, what can be moved there."""

import json
import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from bench.intrusion.target import Finding, Target

MAIL = "canary.of.the.thief@example.org"
BADGE = "canary-badge-8271"


def attack(target: Target) -> Iterator[Finding]:
    photo = _photo(target)
    told = _enrolled(target, photo)
    script = ("-m", "bench.intrusion.thief", str(photo), told)
    found = json.loads(target.instance.python(*script).splitlines()[-1])
    read = found["read"]
    yield Finding(
        held=not read, figure=f"{found['rows']} rows and {found['files']} files read: found {read or 'nothing'}"
    )
    moved, opened = found["moved"], found["opened"]
    figure = f"{len(moved)} sealed things moved to another place of the same person: {len(opened)} open {opened or ''}"
    yield Finding(held=bool(moved) and not opened, figure=figure.rstrip())


def _photo(target: Target) -> str:
    """Make a photo that nobody else has sent."""
    buffer = BytesIO()
    target.portraits["hopper"].pillow().rotate(3).save(buffer, "JPEG", quality=93)
    path = target.folder / "thief.jpg"
    path.write_bytes(buffer.getvalue())
    return str(path)


def _enrolled(target: Target, photo: str) -> str:
    hr = target.caller("hr")
    number = f"T-{uuid.uuid4().hex[:8]}"
    body = {"full_name": "The Thief's Victim", "employee_id": number, "email": MAIL, "metadata": {"badge": BADGE}}
    person = hr.post("/people/", json=body)["id"]
    consent = {"policy_version": "2026-1", "method": "written", "given_at": "2026-01-05T09:00:00Z"}
    hr.post(f"/people/{person}/consents/", json=consent)
    sent = [("files", ("a.jpg", Path(photo).read_bytes(), "image/jpeg"))]
    hr.follow(hr.post(f"/people/{person}/captures/", files=sent))
    return str(person)
