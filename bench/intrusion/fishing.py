"""A program that holds a recording asks for challenges until one fits it, and uses each up with a stub."""

from collections.abc import Iterator

from bench.client import CallError
from bench.intrusion.target import Finding, Target

STUB = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(16)
NUMBER = "fished-for"
ORDERS = 1024
MOST_A_DAY = 20
TRIES = 40


def attack(target: Target) -> Iterator[Finding]:
    target.caller("hr").post("/people/", json={"full_name": "Fished For", "employee_id": NUMBER})
    client, issued, refused = target.caller("client"), 0, ""
    for _ in range(TRIES):
        try:
            challenge = client.post("/challenges/", json={"employee_id": NUMBER})
        except CallError as error:
            refused = str(error)
            break
        issued += 1
        claim = {
            "employee_id": NUMBER,
            "challenge_id": challenge["id"],
            "challenge_nonce": challenge["nonce"],
        }
        client.post("/verifications/", data=claim, files=[("file", ("clip.mp4", STUB, "video/mp4"))])
    held = "429" in refused and issued <= MOST_A_DAY
    odds = f"a recording fits one in {ORDERS}: {ORDERS / MOST_A_DAY:.0f} days on average at {MOST_A_DAY} a day"
    yield Finding(held, f"{issued} challenges used up with stubs before {'429' if refused else 'no refusal'}; {odds}")
