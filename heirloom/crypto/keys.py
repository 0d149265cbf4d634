"""The key ring: named 32-byte keys that wrap the data keys. The first seals, all of them open."""

import base64
import binascii
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from heirloom.errors import Refusal

KEY_BYTES = 32
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class RingKey:
    """A key and the name that whatever it wrapped carries."""

    id: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _KEY_ID.fullmatch(self.id):
            raise ImproperlyConfigured(f"A key id is 1 to 64 letters, digits, dots, dashes, not {self.id!r}.")
        if len(self.secret) != KEY_BYTES:
            raise ImproperlyConfigured(f"The key {self.id!r} has {len(self.secret)} bytes instead of {KEY_BYTES}.")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys in order; at least one, no id twice."""

    keys: tuple[RingKey, ...]

    def __post_init__(self) -> None:
        if not self.keys:
            raise ImproperlyConfigured("The key ring is empty.")
        if len({key.id for key in self.keys}) < len(self.keys):
            raise ImproperlyConfigured("Two keys of the ring have the same id.")

    @property
    def first(self) -> RingKey:
        return self.keys[0]

    def get(self, key_id: str) -> RingKey:
        """Return the key of that id; raises Refusal `key_unavailable` if the ring lacks it."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise Refusal("key_unavailable")


@lru_cache(maxsize=1)
def ring() -> KeyRing:
    """Return the ring of this installation, read once per process.

    It comes from ENCRYPTION_KEYS, else from KEY_RING_FILE, which the embedded mode makes on first use.
    Raises ImproperlyConfigured if there is none, or if a new one would leave stored data unreadable.
    """
    if settings.ENCRYPTION_KEYS:
        return parse_ring(settings.ENCRYPTION_KEYS)
    path = Path(settings.KEY_RING_FILE)
    if not path.exists():
        if not settings.EMBEDDED:
            raise ImproperlyConfigured(
                f"There is no key ring: set ENCRYPTION_KEYS, or put a ring at {path}. "
                f"A new key: python -c 'import base64, os; print(\"k1:\" + base64.b64encode(os.urandom(32)).decode())'"
            )
        _make_ring_file(path)
    return read_ring_file(path)


def parse_ring(text: str) -> KeyRing:
    """Read "id:base64,id:base64"; raises ImproperlyConfigured without ever repeating a key."""
    pairs = [entry.strip().partition(":") for entry in text.split(",") if entry.strip()]
    return KeyRing(tuple(_ring_key(key_id, encoded) for key_id, _, encoded in pairs))


def read_ring_file(path: Path) -> KeyRing:
    """Read {"keys": [{"id": ..., "key": base64}, ...]}; raises ImproperlyConfigured if it is anything else."""
    try:
        entries = json.loads(path.read_text())["keys"]
        return KeyRing(tuple(_ring_key(entry["id"], entry["key"]) for entry in entries))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"The key ring {path} cannot be read ({type(error).__name__}).") from None


def _ring_key(key_id: str, encoded: str) -> RingKey:
    try:
        return RingKey(key_id, base64.b64decode(encoded, validate=True))
    except binascii.Error:
        raise ImproperlyConfigured(f"The key {key_id!r} is not base64.") from None


def _make_ring_file(path: Path) -> None:
    if _data_keys_exist():
        raise ImproperlyConfigured(
            f"The key ring {path} is gone, but the database holds data that it wrapped; a new ring could not read it. "
            f"Restore {path} from the backup, or set ENCRYPTION_KEYS."
        )
    key = {"id": f"k{datetime.now(UTC):%Y%m%d}", "key": base64.b64encode(os.urandom(KEY_BYTES)).decode()}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"keys": [key]}, file)
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, so of two processes that start at once one wins and both read its ring.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _data_keys_exist() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('crypto_datakey') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return False
        cursor.execute("SELECT EXISTS (SELECT 1 FROM crypto_datakey WHERE wrapped IS NOT NULL)")
        return bool(cursor.fetchone() == (True,))
