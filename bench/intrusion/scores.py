"""An app without scopes asks about one person, and about numbers of nobody, and reads what the answers tell."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import httpx
from PIL import ImageOps

from bench.intrusion.target import Finding, Target

VERIFY = "verifications/"
NUMBER, NOBODYS = "E-scores-1", "E-scores-404"
TRIES = 60
DONE_WITHIN_S = 60
PASSING = {"id", "created_at", "finished_at", "decided_at", "timings"}
NUMBERS = ("similarity", "confidence", "threshold")


def attack(target: Target) -> Iterator[Finding]:
    enroll(target)
    client = httpx.Client(base_url=f"{target.address}/api/v1/", headers=_signed_in(target, "client"), timeout=60)
    stranger = target.portraits["hopper"].jpeg
    seen = {
        NUMBER: _followed(target, client, NUMBER, stranger),
        NOBODYS: _followed(target, client, NOBODYS, _mirrored(target)),
    }
    told = [seen[NUMBER][name] for name in NUMBERS]
    yield Finding(told == [None] * 3, f"of a stranger's face claimed as somebody, the numbers told are {told}")
    alike = _lasting(seen[NUMBER]) == _lasting(seen[NOBODYS])
    yield Finding(
        alike, f"a number of nobody's is answered {'like' if alike else 'unlike'} somebody's: {_outcomes(seen)}"
    )
    matched = _followed(target, client, NUMBER, target.portraits["astronaut"].jpeg)
    yield Finding(
        matched["similarity"] in {None, 0.5, 0.9}, f"a match is told as {matched['similarity']}, of two steps there are"
    )
    codes = [_sent(client, NUMBER, stranger).status_code for _ in range(TRIES)]
    taken = codes.count(202)
    yield Finding(taken <= 5 and 429 in codes, f"of {TRIES} attempts on one person at once {taken} were taken")


def enroll(target: Target) -> None:
    photo = b64encode(target.portraits["astronaut"].jpeg).decode()
    consent = {"policy_version": "attack", "given_at": datetime.now(UTC).isoformat(), "method": "written"}
    body = {"full_name": "Of the attacks", "employee_id": NUMBER, "images": [photo], "consent": consent}
    target.caller("hr").post("/register-multiple/", json=body)


def _mirrored(target: Target) -> bytes:
    """The stranger's photo, mirrored: handed in as it is a second time, it would be noticed, whoever is claimed."""
    buffer = BytesIO()
    ImageOps.mirror(target.portraits["hopper"].pillow()).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _signed_in(target: Target, role: str) -> dict[str, str]:
    username, password = target.logins[role]
    body = {"username": username, "password": password}
    answer = httpx.post(f"{target.address}/api/v1/auth/token/", json=body, timeout=60).raise_for_status()
    return {"Authorization": f"Bearer {answer.json()['access']}"}


def _sent(client: httpx.Client, number: str, photo: bytes) -> httpx.Response:
    return client.post(VERIFY, data={"employee_id": number}, files={"file": ("probe.jpg", photo, "image/jpeg")})


def _followed(target: Target, client: httpx.Client, number: str, photo: bytes) -> dict[str, Any]:
    link = _sent(client, number, photo).raise_for_status().json()["links"]["self"]
    until = time.monotonic() + DONE_WITHIN_S
    while time.monotonic() < until:
        answer = client.get(f"{target.address}{link}").raise_for_status().json()
        if answer["status"] == "done":
            return dict(answer)
        time.sleep(0.1)
    raise TimeoutError(f"a verification is not done after {DONE_WITHIN_S} s")


def _outcomes(seen: dict[str, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    return [(one["outcome"], one["reasons"]) for one in seen.values()]


def _lasting(answer: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in answer.items() if name not in PASSING}, sort_keys=True)
