"""The keys that vouch for events and anchors: one derived from each key of the ring, for this purpose alone.

Whoever is given a derived key can prove the log, and forge it, but opens no data with it.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from heirloom.crypto.keys import KEY_BYTES, RingKey, ring

_INFO = b"heirloom audit 1 "
_EVENT, _ANCHOR, _TEXT = b"event 1 ", b"anchor 1 ", b"text 1 "


class Keys:
    """The derived keys that are at hand, by the id of the ring's key; the first vouches for what is new."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = dict(secrets)

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._secrets

    def __bool__(self) -> bool:
        return bool(self._secrets)

    @property
    def first(self) -> str:
        return next(iter(self._secrets))

    def of_event(self, key_id: str, event_hash: str) -> str:
        """Return the code (HMAC-SHA-256, hex) by which a key vouches for an event and all before it."""
        return self._mac(key_id, _EVENT + event_hash.encode())

    def of_anchor(self, key_id: str, statement: bytes) -> str:
        """Return the code by which a key vouches for what an anchor states."""
        return self._mac(key_id, _ANCHOR + statement)

    def of_text(self, text: str) -> str:
        """Return a code of a text by the first key, which says nothing of it to whoever lacks the key."""
        return self._mac(self.first, _TEXT + text.encode())

    def dump(self) -> str:
        """Return the keys as a file, for whoever is to prove an exported log without the ring."""
        entries = [{"id": name, "key": base64.b64encode(one).decode()} for name, one in self._secrets.items()]
        return json.dumps({"audit_keys": entries}, indent=1) + "\n"

    def _mac(self, key_id: str, message: bytes) -> str:
        return hmac.new(self._secrets[key_id], key_id.encode() + b"\n" + message, "sha256").hexdigest()


def of_ring() -> Keys:
    """Return the keys of this installation's ring, the one that seals first; raises ImproperlyConfigured."""
    return Keys({key.id: _derived(key) for key in ring().keys})


def read(path: Path) -> Keys:
    """Read what `dump` wrote; raises ValueError for anything else."""
    try:
        entries = json.loads(path.read_text())["audit_keys"]
        secrets = {str(entry["id"]): base64.b64decode(entry["key"], validate=True) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no audit keys ({type(error).__name__}).") from None
    if any(len(secret) != KEY_BYTES for secret in secrets.values()):
        raise ValueError(f"{path}: an audit key has {KEY_BYTES} bytes.")
    return Keys(secrets)


@lru_cache(maxsize=32)
def _derived(key: RingKey) -> bytes:
    """Derive the audit key of a ring's key (HKDF-SHA256, RFC 5869): its secret is uniform, so it is only expanded."""
    return HKDFExpand(SHA256(), KEY_BYTES, _INFO + key.id.encode()).derive(key.secret)
