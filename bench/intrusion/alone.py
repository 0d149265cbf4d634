"""One person alone: decides what they sent, puts a face in another's place, vouches for a stranger's consent."""

import base64
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from bench.client import API, Caller, CallError, SignIn
from bench.intrusion.target import Finding, Target

NUMBER = "one-alone"


def attack(target: Target) -> Iterator[Finding]:
    hr = target.caller("hr")
    person = hr.post("/register-multiple/", json=_registration(target))["person_id"]
    yield _own_attempt(target)
    yield _own_face(target, hr, person)
    yield _own_consent(target, hr)


def _own_attempt(target: Target) -> Finding:
    admin, photo = target.caller("admin"), target.portraits["astronaut"].jpeg
    files = [("file", ("probe.jpg", photo, "image/jpeg"))]
    sent = admin.post("/verifications/", data={"employee_id": NUMBER}, files=files)
    outcome = admin.follow(sent).answer["outcome"]
    case = next(one for one in admin.get("/reviews/")["results"] if one["verification"] == sent["id"])
    verdict = {"verdict": "approved", "reason": "same_person"}
    told = _refused(admin, f"/reviews/{case['id']}/verdict/", verdict)
    target.caller("reviewer").post(f"/reviews/{case['id']}/verdict/", json=verdict)
    held = outcome == "needs_review" and "own_request" in told
    return Finding(held, f"an admin approves what the admin sent: {told or 'approved'}")


def _own_face(target: Target, hr: Caller, person: str) -> Finding:
    with httpx.Client(base_url=target.address, auth=SignIn(*target.logins["hr"])) as http:
        http.post(f"{API}/people/{person}/consents/withdraw/").raise_for_status()  # its answer is a list
    hr.post(f"/people/{person}/consents/", json=_consent())
    face = {"person_name": "Other", "person_id": person, "face_image_base64": _photo(target, "hopper")}
    told = _refused(hr, "/add-face/", face)
    return Finding("face_not_compared" in told, f"consent withdrawn, another face under the name: {told or 'enrolled'}")


def _own_consent(target: Target, hr: Caller) -> Finding:
    hr.post("/people/", json={"full_name": "Made by HR", "external_id": "made-by-hr"})
    password = secrets.token_urlsafe(16)
    target.instance.python(
        *("manage.py", "create_login", "attack-enroller", "--role", "client", "--scope", "people:write"),
        "--password-stdin",
        said=password,
    )
    client = Caller(target.address, "attack-enroller", password)
    face = {"person_name": "X", "person_id": "made-by-hr", "face_image_base64": _photo(target, "hopper")}
    told = _refused(client, "/add-face/", {**face, "consent": _consent()})
    held = "consent_not_attestable" in told
    return Finding(held, f"a client vouches for the consent of somebody whom HR made: {told or 'taken'}")


def _refused(caller: Caller, path: str, body: dict[str, Any]) -> str:
    """Return the code that a call is refused with, "" where it is not."""
    try:
        caller.post(path, json=body)
    except CallError as error:
        return ", ".join(re.findall(r'"code": ?"(\w+)"', str(error)))
    return ""


def _registration(target: Target) -> dict[str, Any]:
    images = [_photo(target, "astronaut")]
    return {"full_name": "One Alone", "employee_id": NUMBER, "images": images, "consent": _consent()}


def _consent() -> dict[str, str]:
    return {"policy_version": "2026-1", "given_at": datetime.now(UTC).isoformat(), "method": "electronic"}


def _photo(target: Target, name: str) -> str:
    return base64.b64encode(target.portraits[name].jpeg).decode()
