"""`make demo`: two people are enrolled, verified, impersonated and reviewed over HTTP, and what happened is told.

On its own instance, made for the purpose; or on a running one: HEIRLOOM_URL, with HEIRLOOM_USER (admin) and
HEIRLOOM_PASSWORD of an administrator, who then plays HR, client app and reviewer.
"""

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from bench.client import Caller, CallError
from bench.instance import InstanceError, own_instance
from bench.pictures import clip, on_screen, retaken
from bench.portraits import Portrait, packaged
from bench.table import aligned

PREFACE = """\
Its faces are the two public-domain portraits that come inside scikit-image ("astronaut") and matplotlib ("hopper").
Every photo and clip below is derived from the one portrait of its package: turned, mirrored, relit, cropped, filmed.
So similarities are higher than for photos of other days; docs/models/ says how well faces are told apart.
"""


@dataclass(frozen=True, slots=True)
class Cast:
    """The callers, by role. address: of the instance they speak to."""

    address: str
    hr: Caller
    client: Caller
    reviewer: Caller


@dataclass(frozen=True, slots=True)
class Attempt:
    """One verification: what was shown, whose it claimed to be, and the whole answer."""

    shown: str
    claimed: str
    answer: Mapping[str, Any]
    seconds: float

    def row(self) -> tuple[str, ...]:
        answer = self.answer
        similarity = "" if answer["similarity"] is None else f"{answer['similarity']:.3f}"
        reasons = ", ".join(answer["reasons"]) or "-"
        return (self.shown, self.claimed, answer["outcome"], similarity, f"{self.seconds:.2f} s", reasons)


@dataclass
class Demo:
    cast: Cast
    folder: Path
    portraits: Mapping[str, Portrait]
    say: Callable[[str], None] = print
    people: dict[str, str] = field(default_factory=dict)

    def run(self, *, keep: bool) -> None:
        """Enroll, verify, review and erase, telling each. Raises CallError where something does not go as it should."""
        try:
            rows = [self.enroll(portrait) for portrait in self.portraits.values()]
            self.say(aligned(("enrolled", "photos", "accepted", "quality", "time"), rows))
            attempts = list(self.attempts())
            header = ("shown", "claims to be", "outcome", "similarity", "time", "reasons")
            self.say(aligned(header, [attempt.row() for attempt in attempts]))
            self.say(_what_ran(attempts))
            self.review(attempts)
        finally:
            if self.people and not keep:
                self.erase()

    def enroll(self, portrait: Portrait) -> tuple[str, ...]:
        """Enroll from three photos, as HR does, and return a row of the table."""
        hr, number = self.cast.hr, f"DEMO-{secrets.token_hex(3)}"
        details = {"full_name": f"Demo {portrait.name}", "employee_id": number, "department": "Demo"}
        person = hr.post("/people/", json=details)["id"]
        self.people[portrait.name] = person
        consent = {"policy_version": "demo", "method": "written", "given_at": datetime.now(UTC).isoformat()}
        hr.post(f"/people/{person}/consents/", json=consent)
        photos = [portrait.jpeg, retaken(portrait), retaken(portrait, turned=-5, light=0.9)]
        followed = hr.follow(hr.post(f"/people/{person}/captures/", files=[_photo(one, "files") for one in photos]))
        visit = followed.answer
        if visit["outcome"] != "enrolled":
            raise CallError(_not_enrolled(portrait.name, visit))
        verdicts = [verdict for capture in visit["captures"] for verdict in capture["verdicts"]]
        accepted = [verdict["quality"] for verdict in verdicts if verdict["accepted"]]
        qualities = ", ".join(f"{quality:.0f}" for quality in accepted)
        return (portrait.name, str(len(photos)), str(len(accepted)), qualities, f"{followed.seconds:.2f} s")

    def attempts(self) -> Iterator[Attempt]:
        """Verify each person by a fresh photo and by a clip; then an impostor; then a screen instead of a face."""
        for name, portrait in self.portraits.items():
            yield self.verify(f"photo of {name}", name, _photo(retaken(portrait, mirrored=True, light=1.05)))
            film = clip(portrait, self.folder, seconds=4, size=720).read_bytes()
            yield self.verify(f"clip of {name}", name, ("file", ("clip.mp4", film, "video/mp4")))
        one, other = self.portraits
        yield self.verify(f"impostor: {other}", one, _photo(retaken(self.portraits[other], turned=-8, light=0.95)))
        yield self.verify(f"{one} on a screen", one, _photo(on_screen(self.portraits[one])))

    def verify(self, shown: str, claimed: str, file: tuple[str, tuple[str, bytes, str]]) -> Attempt:
        client = self.cast.client
        accepted = client.post("/verifications/", data={"person_id": self.people[claimed]}, files=[file])
        followed = client.follow(accepted)
        return Attempt(shown, claimed, followed.answer, followed.seconds)

    def review(self, attempts: Sequence[Attempt]) -> None:
        """Show one attempt in the queue and have the reviewer approve it."""
        waiting = next((one for one in attempts if one.answer["outcome"] == "needs_review"), None)
        if waiting is None:
            self.say("No attempt waits for a reviewer: every signal ran and every score was clear.")
            return
        number, reviewer = waiting.answer["id"], self.cast.reviewer
        case = _case_of(reviewer, number)
        self.say(
            f"In the review queue ({self.cast.address}/admin/): {waiting.shown}, claims to be {waiting.claimed}\n"
            f"  reasons {', '.join(case['reasons'])}; risk {case['risk']:.2f}; due {case['due_at']}\n"
        )
        reviewer.post(f"/reviews/{case['id']}/claim/")
        verdict = {"verdict": "approved", "reason": "identity_checked_in_person"}
        reviewer.post(f"/reviews/{case['id']}/verdict/", json=verdict)
        after = self.cast.client.get(f"/verifications/{number}/")
        self.say(
            f"The same attempt after the reviewer: outcome {after['outcome']} (the machine's, it never changes), "
            f"decision {after['decision']} ({after['review']['reason']})\n"
        )

    def erase(self) -> None:
        for person in self.people.values():
            self.cast.hr.post(f"/people/{person}/erase/")
        self.say(f"Erased the {len(self.people)} people of this demo: their photos, templates and evidence are gone.")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="do not erase the people of the demo at its end")
    keep = parser.parse_args().keep
    try:
        with _cast() as cast, tempfile.TemporaryDirectory() as folder:
            print(PREFACE)
            Demo(cast, Path(folder), packaged()).run(keep=keep)
    except (CallError, InstanceError, httpx.TransportError) as error:
        print(f"The demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _cast() -> Iterator[Cast]:
    address = os.environ.get("HEIRLOOM_URL", "").rstrip("/")
    if address:
        username = os.environ.get("HEIRLOOM_USER", "admin")
        if not (password := os.environ.get("HEIRLOOM_PASSWORD", "")):
            raise CallError("HEIRLOOM_URL is set, so HEIRLOOM_PASSWORD must hold the administrator's password.")
        print(f"Heirloom demo on {address}, as {username}.")
        yield _played(address, dict.fromkeys(("hr", "client", "reviewer"), (username, password)))
        return
    print("Starting an Heirloom for this demo alone, in a temporary folder ...")
    with own_instance() as instance:
        print(f"Heirloom demo on {instance.address}.")
        logins = {role: (f"demo-{role}", secrets.token_urlsafe(12)) for role in ("hr", "client", "reviewer")}
        for role, (username, password) in logins.items():
            instance.make_login(username, password, role)
        yield _played(instance.address, logins)


def _played(address: str, logins: Mapping[str, tuple[str, str]]) -> Cast:
    return Cast(address, **{role: Caller(address, *login) for role, login in logins.items()})


def _photo(data: bytes, name: str = "file") -> tuple[str, tuple[str, bytes, str]]:
    return (name, ("photo.jpg", data, "image/jpeg"))


def _not_enrolled(name: str, visit: Mapping[str, Any]) -> str:
    reasons = ", ".join(visit["reasons"])
    if "duplicate_person" in visit["reasons"]:
        return f"{name} is enrolled here already, under another number ({reasons}): erase that person and try again."
    return f"{name} was not enrolled: {visit['outcome']} ({reasons})"


def _case_of(reviewer: Caller, verification: str) -> Mapping[str, Any]:
    page = reviewer.get("/reviews/")
    while True:
        for case in page["results"]:
            if case["verification"] == verification:
                return dict(case)
        if not page["next"]:
            raise CallError(f"The verification {verification} is not in the review queue.")
        page = reviewer.get(httpx.URL(page["next"]).raw_path.decode())


def _what_ran(attempts: Sequence[Attempt]) -> str:
    """Tell which recogniser, policy and attack signals ran, and which could not and why."""
    lines = []
    models = sorted(
        {f"{a.answer['model']} under the policy {a.answer['policy']}" for a in attempts if a.answer["model"]}
    )
    lines += [f"Compared by: {model}" for model in models]
    for name, outcome, why in sorted({_signal(one) for a in attempts for one in a.answer["signals"]}):
        told = f"said {outcome}" if not why else f"could not tell: {why}"
        lines.append(f"Attack check {name or '(no detector)'}: {told}")
    if any("attack_check_inconclusive" in attempt.answer["reasons"] for attempt in attempts):
        lines.append("An attack check that could not tell is never a pass: what matches goes to a reviewer.")
    return "\n".join(lines) + "\n"


def _signal(signal: Mapping[str, Any]) -> tuple[str, str, str]:
    return (signal["detector"], signal["outcome"], signal["why"])


if __name__ == "__main__":
    sys.exit(main())
