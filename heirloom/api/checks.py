"""What must stand before another issuer is trusted, and before calls are bounded; found by every command."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from heirloom.api.oidc_keys import may_be_asked

LEAST_SECRET = 32
_DEPENDENT = ("OIDC_AUDIENCE", "OIDC_JWKS_URL", "OIDC_ROLES_CLAIM", "OIDC_SHARED_SECRET")


def issuer(**_: Any) -> list[CheckMessage]:
    """Refuse half of what another issuer needs, and roles from where its users write themselves."""
    if settings.OIDC_ISSUER:
        return list(_faults())
    alone = [name for name in _DEPENDENT if getattr(settings, name)]
    text = f"{', '.join(alone)} without OIDC_ISSUER."
    return [_error(21, text, "Name the issuer, or leave these out.")] if alone else []


def bounds(**_: Any) -> list[CheckMessage]:
    """Refuse a number of computing calls that leaves no database connection to those who only read."""
    most = settings.DATABASE_POOL - 1 if settings.DATABASE_POOL else settings.COMPUTE_AT_ONCE
    if 1 <= settings.COMPUTE_AT_ONCE <= most:
        return []
    text = f"COMPUTE_AT_ONCE={settings.COMPUTE_AT_ONCE} with DATABASE_POOL={settings.DATABASE_POOL}."
    return [_error(27, text, "Set it to at least 1 and below DATABASE_POOL: each such call holds a connection.")]


def _faults() -> Iterator[CheckMessage]:
    if not settings.OIDC_AUDIENCE:
        hint = "Set what the issuer's tokens have as `aud`; of Supabase that is: authenticated"
        yield _error(22, "OIDC_ISSUER without OIDC_AUDIENCE.", hint)
    for name in ("OIDC_ISSUER", "OIDC_JWKS_URL"):
        if getattr(settings, name) and not may_be_asked(getattr(settings, name)):
            yield _error(23, f"{name} does not begin with https://.", "OIDC_LOOPBACK=true lets this machine be tried.")
    if settings.OIDC_SHARED_SECRET and len(settings.OIDC_SHARED_SECRET) < LEAST_SECRET:
        yield _error(24, f"OIDC_SHARED_SECRET has fewer than {LEAST_SECRET} characters.", "Use keys, if you can.")
    if settings.OIDC_SHARED_SECRET and settings.OIDC_JWKS_URL:
        hint = "A token is verified by a secret or by published keys, never by either: keep one of the two."
        yield _error(25, "OIDC_SHARED_SECRET beside OIDC_JWKS_URL.", hint)
    if settings.OIDC_ROLES_CLAIM.split(".")[0] == "user_metadata":
        hint = "Its users write that themselves. Supabase's app_metadata is written by the project alone."
        yield _error(26, "OIDC_ROLES_CLAIM names user_metadata.", hint)


def _error(number: int, text: str, hint: str) -> Error:
    return Error(text, hint=hint, id=f"heirloom.E{number:03}")
