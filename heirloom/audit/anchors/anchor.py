"""An anchor: the number and hash of the log's last event at a time, vouched for by a key; and what may hinder one."""

import hmac
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from heirloom.audit.keys import Keys

ANSWERS_WITHIN_S = 10.0
"""How long a place may take for one anchor, from connecting on."""


class Fault(StrEnum):
    """Why an anchor was not written, as logs, metrics and the doctor tell it."""

    NOT_WRITTEN = "not_written"
    NOT_REACHED = "not_reached"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    NOT_UNDERSTOOD = "not_understood"
    NOT_CONFIGURED = "not_configured"
    LOG_DIFFERS = "log_differs"


class AnchorFailedError(Exception):
    """A place did not take an anchor, or could not be asked for those that it has."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


@dataclass(frozen=True, slots=True)
class Anchor:
    """What is stated: this installation's event `sequence` had this `hash` at this time.

    key_id, mac: which key of the ring vouches for it, and the code. timestamp: a token of a time-stamping authority
    over the statement (RFC 3161, DER in base64), where one was asked.
    """

    installation: UUID
    sequence: int
    hash: str
    at: datetime
    key_id: str
    mac: str = ""
    timestamp: str = ""

    @property
    def statement(self) -> bytes:
        """What is vouched for: canonical JSON, so that anybody can make the same bytes of the parts."""
        parts = {
            "installation": str(self.installation),
            "sequence": self.sequence,
            "hash": self.hash,
            "at": self.at.astimezone(UTC).isoformat(timespec="seconds"),
            "key": self.key_id,
        }
        return json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()

    def vouched(self, keys: Keys) -> "Anchor":
        return replace(self, mac=keys.of_anchor(self.key_id, self.statement))

    def is_vouched(self, keys: Keys) -> bool:
        return hmac.compare_digest(self.mac, keys.of_anchor(self.key_id, self.statement))

    def dump(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(
            {**json.loads(self.statement), "mac": self.mac, **({"timestamp": self.timestamp} if self.timestamp else {})}
        )

    @classmethod
    def parse(cls, line: str | bytes) -> "Anchor":
        """Read what `dump` wrote; raises ValueError for anything else."""
        try:
            read = json.loads(line)
            return cls(
                installation=UUID(read["installation"]),
                sequence=int(read["sequence"]),
                hash=str(read["hash"]),
                at=datetime.fromisoformat(read["at"]),
                key_id=str(read["key"]),
                mac=str(read["mac"]),
                timestamp=str(read.get("timestamp", "")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no anchor ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class Kept:
    """An anchor as a place keeps it.

    doubt: why it cannot be relied on. is_vouched: the code of its key was found right; is_stamped: a timestamp was.
    """

    anchor: Anchor
    place: str
    doubt: str = ""
    is_vouched: bool = False
    is_stamped: bool = False
