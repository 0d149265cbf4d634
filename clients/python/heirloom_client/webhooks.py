"""Messages that Heirloom sends to a server of yours, checked as Standard Webhooks says."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from heirloom_client.errors import HeirloomError

TOLERANCE_S = 300.0
_PREFIX = "whsec_"


class WebhookRefusedError(HeirloomError, ValueError):
    """The message is not from Heirloom, was changed on the way, or is too old."""


@dataclass(frozen=True, slots=True)
class Event:
    """id: the same for retries and replays, so remember it. data: ids and codes."""

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any]


def read_event(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> Event:
    """Return the event of a message that one of the secrets signed; give both while one rotates.

    body: the bytes as they came. headers: by any case. tolerance_s: how far the sender's clock may be from `now`.
    Raises WebhookRefusedError.
    """
    told = {name.lower(): value for name, value in headers.items()}
    try:
        event_id, timestamp = told["webhook-id"], told["webhook-timestamp"]
        age = (time.time() if now is None else now) - int(timestamp)
        given = [one.encode() for one in told["webhook-signature"].split(" ")]
    except (KeyError, ValueError) as error:
        raise WebhookRefusedError("The message is not signed.") from error
    if not abs(age) <= tolerance_s:
        raise WebhookRefusedError("The message is too old, or a clock is wrong.")
    signed = f"{event_id}.{timestamp}.".encode() + body
    known = [secrets] if isinstance(secrets, str) else list(secrets)
    # Every pair is compared in full, so that the time tells nothing.
    matches = [hmac.compare_digest(_signature(secret, signed), one) for secret in known for one in given]
    if not any(matches):
        raise WebhookRefusedError("No secret signed this message.")
    return _event(event_id, body)


def _signature(secret: str, signed: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("A secret begins with whsec_ and goes on in base64.") from error
    return b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())


def _event(event_id: str, body: bytes) -> Event:
    try:
        told = json.loads(body)
        return Event(event_id, told["type"], datetime.fromisoformat(told["timestamp"]), told["data"])
    except (ValueError, KeyError, TypeError) as error:
        raise WebhookRefusedError("The message is signed and not an event.") from error
