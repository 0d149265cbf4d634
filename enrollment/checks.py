"""What must stand before a clip may leave this machine, found by every command and by a worker that starts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

LEAST_SECRET = 32


def transcoder(**_: Any) -> list[CheckMessage]:
    """Refuse TRANSCODER=zencoder without a key, a way back by HTTPS alone, and a secret that proves notifications."""
    return list(_faults()) if settings.TRANSCODER == "zencoder" else []


def _faults() -> Iterator[CheckMessage]:
    if not settings.ZENCODER_API_KEY:
        yield Error(
            "TRANSCODER=zencoder without ZENCODER_API_KEY.", hint="Set the key of your account.", id="heirloom.E001"
        )
    if not _is_https(settings.PUBLIC_URL):
        yield Error(
            "TRANSCODER=zencoder without a PUBLIC_URL that begins with https://.",
            hint="Set the address at which Zencoder can fetch clips from this installation.",
            id="heirloom.E002",
        )
    if len(settings.ZENCODER_NOTIFICATION_SECRET) < LEAST_SECRET:
        yield Error(
            f"TRANSCODER=zencoder without a ZENCODER_NOTIFICATION_SECRET of {LEAST_SECRET} or more characters.",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            id="heirloom.E003",
        )
    if not (_is_https(settings.ZENCODER_URL) and settings.ZENCODER_URL.endswith("/")):
        yield Error(
            "ZENCODER_URL must begin with https:// and end with a slash.",
            hint="Leave it out, for Zencoder's own.",
            id="heirloom.E004",
        )


def _is_https(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" and bool(parts.hostname)
