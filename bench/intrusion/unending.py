"""Requests that would be followed for ever, erasures at the same moment, and one key sent many times at once."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import httpx

from bench.client import API, SignIn
from bench.intrusion.target import Finding, Target

AT_ONCE = 12
NUMBER = "soon-erased"
# Enough of a photo to be taken, and much too little to be decided before the erasure.
PHOTO = b"\x89PNG\r\n\x1a\n" + bytes(64)


def attack(target: Target) -> Iterator[Finding]:
    person = target.caller("hr").post("/people/", json={"full_name": "Soon Erased", "employee_id": NUMBER})
    client = target.caller("client")
    files = [("file", ("probe.png", PHOTO, "image/png"))]
    sent = [client.post("/verifications/", data={"employee_id": NUMBER}, files=files) for _ in range(AT_ONCE)]
    statuses = _many(target, lambda http: http.post(f"{API}/people/{person['id']}/erase/"))
    expected = [204, *[404] * (AT_ONCE - 1)]
    yield Finding(statuses == expected, f"{AT_ONCE} erase one person at once: {_counted(statuses)}")
    ended = [client.follow(one, within_s=30).answer for one in sent]
    waiting = sum(one["decision"] == "pending" for one in ended)
    yield Finding(waiting == 0, f"of {len(sent)} attempts of an erased person {waiting} stay pending")
    yield _one_key(target)


def _one_key(target: Target) -> Finding:
    name, key = f"Once {uuid.uuid4()}", str(uuid.uuid4())
    body, headers = {"full_name": name}, {"Idempotency-Key": key}
    statuses = _many(target, lambda http: http.post(f"{API}/people/", json=body, headers=headers))
    made = target.caller("hr").get("/people/", search=name)["results"]
    held = len(made) == 1 and set(statuses) <= {201, 409}
    return Finding(held, f"one key sent {AT_ONCE} times at once: {len(made)} rows, {_counted(statuses)}")


def _many(target: Target, act: Callable[[httpx.Client], httpx.Response]) -> list[int]:
    """Do the same thing at once by as many connections, and return the statuses in order."""
    sign_in = SignIn(*target.logins["hr"])
    with httpx.Client(base_url=target.address, auth=sign_in) as first:
        first.get(f"{API}/people/")  # one sign-in for all

    def once(_: object) -> int:
        with httpx.Client(base_url=target.address, auth=sign_in, timeout=60) as http:
            return act(http).status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return sorted(threads.map(once, repeat(None, AT_ONCE)))


def _counted(statuses: list[int]) -> str:
    return ", ".join(f"{statuses.count(status)} x {status}" for status in sorted(set(statuses)))
