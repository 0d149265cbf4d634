"""What an attack is given, and what it says."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.client import Caller
from bench.instance import Instance
from bench.portraits import Portrait, packaged

ROLES = ("hr", "client", "reviewer", "auditor", "admin")


@dataclass(frozen=True, slots=True)
class Finding:
    """held: whether the product withstood. figure: what was tried, and the number that says how far it went."""

    held: bool
    figure: str


@dataclass
class Target:
    """A running instance, with a login of each role made for the attacks alone. folder: for what an attack makes."""

    instance: Instance
    folder: Path
    logins: Mapping[str, tuple[str, str]] = field(
        default_factory=lambda: {role: (f"attack-{role}", secrets.token_urlsafe(16)) for role in ROLES}
    )

    @property
    def address(self) -> str:
        return self.instance.address

    @cached_property
    def portraits(self) -> Mapping[str, Portrait]:
        return packaged()

    def make_logins(self) -> None:
        for role, (username, password) in self.logins.items():
            self.instance.make_login(username, password, role)

    def caller(self, role: str) -> Caller:
        """Return a signed-in caller of the API."""
        return Caller(self.address, *self.logins[role])

    def empty(self) -> None:
        """Erase everybody, with all that was sent about them: each attack finds the house as it was at first."""
        hr = self.caller("hr")
        while people := hr.get("/people/")["results"]:
            for person in people:
                hr.post(f"/people/{person['id']}/erase/")


Attack = Callable[[Target], Iterator[Finding]]
