"""Browsers that a login signed in on before (OWASP, "Device cookies"): what strangers try does not count for them.

The cookie holds, for a few logins, a keyed hash of the name and a random number that its failures are counted under. It
opens nothing: without the password it is worth ten tries in a quarter of an hour.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from heirloom.accounts.marks import mark

KEPT = timedelta(days=180)
MOST_LOGINS = 5
"""Logins that one browser is remembered for: the reception's machine, not all of the house."""
_SALT = "heirloom.accounts.devices"


def known(request: HttpRequest, username: str) -> str | None:
    """Return the number under which this browser is known for a name; None where it is not."""
    return _read(request).get(_owner(username))


def remember(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Let the answer to a sign-in tell the browser who it is from now on."""
    owner, held = _owner(username), _read(request)
    number = held.pop(owner, None) or secrets.token_urlsafe(12)
    latest = dict([*held.items(), (owner, number)][-MOST_LOGINS:])
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(latest, salt=_SALT),
        max_age=KEPT,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _owner(username: str) -> str:
    return mark("device of", username)[:24]


def _read(request: HttpRequest) -> dict[str, str]:
    try:
        held = signing.loads(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=_SALT, max_age=KEPT)
    except signing.BadSignature:
        return {}
    return dict(held)
