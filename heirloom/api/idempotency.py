"""Requests that name themselves by a key are carried out once; docs/api/idempotency.md tells callers what is promised.

A row is claimed before the work and holds the sealed answer after it. All times go by the database's clock.
"""

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from heirloom.accounts.models import User
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.crypto import services as crypto
from heirloom.errors import Refusal

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
# No request takes so long: one that has not ended by then was cut off with its process, and may be carried out anew.
UNDER_WAY_FOR = timedelta(minutes=10)
ASK_AGAIN_S = 2
# All answers share a data key: an answer goes with its row, of which erasure leaves nothing.
SUBJECT = uuid.UUID(int=3)
_KEY = re.compile(r"[!-~]{1,255}")
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told: status, headers and the JSON text of the body."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to carry out a request: settled by `keep`, or given back by `release`."""

    row_id: str
    token: uuid.UUID


def begin(*, caller: User, route: str, key: str, fingerprint: str, names: Iterable[object]) -> Turn | Answer:
    """Return the turn to carry a request out, or the answer that it got before.

    fingerprint: of the whole request. names: ids by which it names people and things.
    Raises Refusal "validation_error" for a malformed key, "idempotency_key_reused", "idempotency_in_progress" or
    "idempotency_answer_erased".
    """
    if not _KEY.fullmatch(key):
        raise Refusal("validation_error", f"{HEADER} is 1 to 255 visible ASCII characters.", attr=HEADER)
    turn = Turn(_row_id(caller, route, key), uuid.uuid4())
    rows = KeyedRequest.objects.filter(pk=turn.row_id)
    rows.filter(expires_at__lte=Now()).delete()
    claimed = KeyedRequest(
        id=turn.row_id,
        fingerprint=fingerprint,
        token=turn.token,
        names=_plain(names),
        expires_at=Now() + UNDER_WAY_FOR,
    )
    KeyedRequest.objects.bulk_create([claimed], ignore_conflicts=True)
    row = rows.first()
    if row is not None and row.token == turn.token:
        return turn
    return _first_answer(row, fingerprint)


def keep(turn: Turn, answer: Answer, *, names: Iterable[object]) -> None:
    """Keep the answer for KEPT_FOR; names: ids in it. Nothing is kept of what was erased, or taken over, meanwhile."""
    row = _held(turn).first()
    if row is None:
        return
    plaintext = json.dumps(asdict(answer)).encode()
    _held(turn).update(
        token=None,
        answer=crypto.seal(subject=SUBJECT, plaintext=plaintext, context=_context(row)),
        names=_plain([*row.names, *names]),
        expires_at=Now() + KEPT_FOR,
    )


def release(turn: Turn) -> None:
    """Give the turn back: the same request will be carried out when it comes again."""
    _held(turn).delete()


def forget(names: Iterable[object]) -> None:
    """Empty all requests that name one of these, in the caller's transaction.

    An empty row stays for KEPT_FOR, so that a late repetition does not bring back who was erased.
    """
    KeyedRequest.objects.filter(names__overlap=_plain(names)).update(
        fingerprint="", token=None, names=[], answer=None, expires_at=Now() + KEPT_FOR
    )


def sweep() -> int:
    """Delete what has expired; return how many rows."""
    return KeyedRequest.objects.filter(expires_at__lte=Now()).delete()[0]


def _first_answer(row: KeyedRequest | None, fingerprint: str) -> Answer:
    if row is None:  # given back this moment
        raise Refusal("idempotency_in_progress", retry_after=ASK_AGAIN_S)
    if row.is_erased:
        raise Refusal("idempotency_answer_erased")
    if row.fingerprint != fingerprint:
        raise Refusal("idempotency_key_reused", attr=HEADER)
    if row.answer is None:
        raise Refusal("idempotency_in_progress", retry_after=ASK_AGAIN_S)
    return Answer(**json.loads(crypto.unseal(subject=SUBJECT, sealed=bytes(row.answer), context=_context(row))))


def _held(turn: Turn) -> QuerySet[KeyedRequest]:
    return KeyedRequest.objects.filter(pk=turn.row_id, token=turn.token)


def _row_id(caller: User, route: str, key: str) -> str:
    """Return a hash that nobody without the secret key can try guessed keys on: callers build keys of people's ids.

    Each API key is a caller of its own: what one of them was told is not another's to hear.
    """
    named = json.dumps([caller.pk, str(caller.api_key_id), route, key])
    return salted_hmac("heirloom.api.idempotency", named, algorithm="sha256").hexdigest()


def _context(row: KeyedRequest) -> bytes:
    return b"kept answer" + row.id.encode()


def _plain(names: Iterable[object]) -> list[str]:
    """Return the names as text, without those that are no id: too long, or not printable."""
    texts = {str(name) for name in names if name}
    return sorted(text for text in texts if len(text) <= _LONGEST_NAME and text.isprintable())
