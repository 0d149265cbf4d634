"""Key rings of a test's own."""

import base64

import pytest_django

from heirloom.crypto import keys


def use_ring(settings: pytest_django.Settings, **secrets: int) -> None:
    """Have a ring of these keys from now on, each of one byte repeated; the first seals."""
    entries = [f"{name}:{base64.b64encode(bytes([byte]) * 32).decode()}" for name, byte in secrets.items()]
    settings.ENCRYPTION_KEYS = ",".join(entries)
    keys.ring.cache_clear()
