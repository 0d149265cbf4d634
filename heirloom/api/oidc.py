"""Tokens of another issuer (Supabase, or any by OpenID Connect): what one proves, if it is a true one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import jwt
from django.conf import settings

from heirloom.accounts.models import ROLES
from heirloom.api.jwts import LONGEST, TokenRefusedError
from heirloom.api.oidc_keys import Keys, published

REQUIRED = ["exp", "iat", "sub", "iss", "aud"]
# Clocks of two machines differ by this much at most.
LEEWAY_S = 10
LONGEST_SUBJECT = 255
LONGEST_EMAIL = 254
SHARED = "HS256"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. email: to be shown, never who it is.

    issued_at: seconds since 1970; roles: ours among those in the claim OIDC_ROLES_CLAIM, None where none is set.
    signed_in_at: when the password or another proof was last given there, None where the token does not say.
    """

    subject: str
    email: str
    issued_at: int
    roles: frozenset[str] | None
    signed_in_at: datetime | None = None


def claims_of(raw: bytes) -> Claims:
    """Verify a token of OIDC_ISSUER.

    Raises TokenRefusedError, and Refusal "issuer_unavailable" where its keys are not here and cannot be fetched.
    """
    if len(raw) > LONGEST:
        raise TokenRefusedError
    try:
        key, algorithm = _verified_with(jwt.get_unverified_header(raw))
        payload = jwt.decode(
            raw,
            key,
            algorithms=[algorithm],
            audience=settings.OIDC_AUDIENCE,
            issuer=settings.OIDC_ISSUER,
            leeway=LEEWAY_S,
            options={"require": REQUIRED, "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise TokenRefusedError from error
    subject = payload["sub"]
    # OpenID Connect Core, 2: ASCII, so many characters at most.
    named = 0 < len(subject) <= LONGEST_SUBJECT and subject.isascii() and subject.isprintable()
    # Supabase lets anybody in without a name, where that is switched on.
    if not named or payload.get("is_anonymous") is True:
        raise TokenRefusedError
    return Claims(subject, _email(payload), int(payload["iat"]), _roles(payload), _signed_in_at(payload))


@cache
def keys() -> Keys:
    """Return the keys of the issuer, as this process knows them."""
    return Keys(published)


def _verified_with(header: dict[str, Any]) -> tuple[Any, str]:
    """Return the key that a token names and the one algorithm that this key is for.

    With a shared secret that is the only key there is; it never stands beside published ones, or a public key could be
    taken for a secret.
    """
    if settings.OIDC_SHARED_SECRET:
        return settings.OIDC_SHARED_SECRET, SHARED
    kid = header.get("kid")
    found = keys().find(kid) if isinstance(kid, str) else None
    if found is None:
        raise TokenRefusedError
    return found.key, found.algorithm_name


def _signed_in_at(payload: dict[str, Any]) -> datetime | None:
    """Return what `auth_time` says (OpenID Connect Core, 2), or the latest of `amr` as Supabase writes it."""
    amr = payload.get("amr")
    ways = amr if isinstance(amr, list) else []
    told = [payload.get("auth_time"), *(way.get("timestamp") for way in ways if isinstance(way, dict))]
    # bool is a number to Python, and no time.
    times = [one for one in told if type(one) is int and 0 < one <= payload["iat"] + LEEWAY_S]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _email(payload: dict[str, Any]) -> str:
    email = payload.get("email")
    return email if isinstance(email, str) and len(email) <= LONGEST_EMAIL and email.isprintable() else ""


def _roles(payload: dict[str, Any]) -> frozenset[str] | None:
    """Return the roles that stand at the claim, by its whole name or by a path of names with dots between."""
    path = settings.OIDC_ROLES_CLAIM
    if not path:
        return None
    found: Any = payload
    for name in [path] if path in payload else path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    given = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(role for role in ROLES if role in given)
