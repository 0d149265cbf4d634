"""Who plays in the tests: Hana works in HR, Rhea reviews, Cleo and Carl are client apps, Ada administers."""

from dataclasses import dataclass
from typing import Any

from django.test import Client
from rest_framework.test import APIClient

from heirloom.accounts.models import User
from heirloom.accounts.services import create_login, ensure_roles
from heirloom.factors import sessions
from heirloom.portal import confirmation

PASSWORD = "a long enough passphrase"


@dataclass(frozen=True, slots=True)
class Cast:
    hana: User
    rhea: User
    cleo: User
    carl: User
    ada: User


def make_cast() -> Cast:
    ensure_roles()
    names = {"hana": "hr", "rhea": "reviewer", "cleo": "client", "carl": "client", "ada": "admin"}
    return Cast(**{name: create_login(username=name, password=PASSWORD, roles=(role,)) for name, role in names.items()})


def caller(user: User | None, **options: Any) -> APIClient:
    """Return a client that sends a real token of this login."""
    client = APIClient(**options)
    if user is not None:
        answer = client.post("/api/v1/auth/token/", {"username": user.username, "password": PASSWORD}, format="json")
        assert answer.status_code == 200, answer.content
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return client


def key_caller(secret: str, **options: Any) -> APIClient:
    """Return a client that sends this API key."""
    return APIClient(headers={"X-API-Key": secret}, **options)


def just_signed_in(client: Client) -> None:
    """Let a session that was made without the sign-in page be as one that was made there now."""
    session = client.session
    confirmation.confirm(session)
    sessions.begin(session)
    # Its first use within a minute is noted by now, as of a page that was opened before.
    session["noted_as"] = session.session_key
    session.save()
