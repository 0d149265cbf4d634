"""Requests that name themselves by a key are carried out once; docs/api/idempotency.md tells callers what is promised.

A key is held by a lock of the transaction in which its request is carried out, and the sealed answer is written in that
same transaction: there is an answer if and only if there is the effect. A process that dies takes both with it, and the
database lets go of the key at once. All times go by the database's clock.
"""

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db import connection
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from heirloom.accounts.models import User
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.errors import Refusal

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
ASK_AGAIN_S = 2
# All answers share a data key: an answer goes with its row, of which erasure leaves nothing.
SUBJECT = uuid.UUID(int=3)
_KEY = re.compile(r"[!-~]{1,255}")
_LONGEST_NAME = 128
_LOCK_BYTES = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller was told: status, headers and the JSON text of the body."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to carry out a request, until the transaction ends that it was given in; `keep` settles it."""

    row_id: str
    fingerprint: str
    names: tuple[str, ...]


def begin(*, caller: User, route: str, key: str, fingerprint: str, names: Iterable[object]) -> Turn | Answer:
    """Return the turn to carry a request out in the caller's transaction, or the answer that it got before.

    fingerprint: of the whole request. names: ids by which it names people and things.
    Raises Refusal "validation_error" for a malformed key, "idempotency_key_reused", "idempotency_in_progress" or
    "idempotency_answer_erased".
    """
    if not _KEY.fullmatch(key):
        raise Refusal("validation_error", f"{HEADER} is 1 to 255 visible ASCII characters.", attr=HEADER)
    row_id = _row_id(caller, route, key)
    if not _lock(row_id):
        raise Refusal("idempotency_in_progress", retry_after=ASK_AGAIN_S)
    rows = KeyedRequest.objects.filter(pk=row_id)
    rows.filter(expires_at__lte=Now()).delete()
    row = rows.first()
    return Turn(row_id, fingerprint, _keyed(names)) if row is None else _first_answer(row, fingerprint)


def keep(turn: Turn, answer: Answer, *, names: Iterable[object]) -> None:
    """Keep the answer for KEPT_FOR, in the transaction of what it tells of; names: ids in it."""
    row = KeyedRequest(
        id=turn.row_id,
        fingerprint=_keyed_request(turn.fingerprint),
        names=sorted({*turn.names, *_keyed(names)}),
        expires_at=Now() + KEPT_FOR,
    )
    row.answer = crypto.seal(subject=SUBJECT, plaintext=json.dumps(asdict(answer)).encode(), place=answer_place(row))
    KeyedRequest.objects.bulk_create([row])


def forget(names: Iterable[object]) -> None:
    """Empty all requests that name one of these, in the caller's transaction.

    An empty row stays for KEPT_FOR, so that a late repetition does not bring back who was erased. Whoever calls this
    holds the person's row, as do all requests whose answer tells of the person: none is kept after this.
    """
    told = list(names)
    # Of the last day before names were kept as hashes, there may still be some in plain text.
    KeyedRequest.objects.filter(names__overlap=[*_keyed(told), *map(str, filter(None, told))]).update(
        fingerprint="", names=[], answer=None, expires_at=Now() + KEPT_FOR
    )


def sweep() -> int:
    """Delete what has expired; return how many rows."""
    return KeyedRequest.objects.filter(expires_at__lte=Now()).delete()[0]


def _lock(row_id: str) -> bool:
    """Take the lock of a key until the transaction ends, and say whether nobody else had it.

    It is the database's own, so it goes with the connection: no clock says when its holder is given up.
    """
    number = int.from_bytes(bytes.fromhex(row_id)[:_LOCK_BYTES], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        return bool(cursor.fetchone() == (True,))


def _first_answer(row: KeyedRequest, fingerprint: str) -> Answer:
    if row.answer is None:
        raise Refusal("idempotency_answer_erased")
    # Rows of before, none older than a day, hold it unkeyed.
    if row.fingerprint not in {_keyed_request(fingerprint), fingerprint}:
        raise Refusal("idempotency_key_reused", attr=HEADER)
    return Answer(**json.loads(crypto.unseal(subject=SUBJECT, sealed=bytes(row.answer), place=answer_place(row))))


def _row_id(caller: User, route: str, key: str) -> str:
    """Return a hash that nobody without the secret key can try guessed keys on: callers build keys of people's ids.

    Each API key is a caller of its own: what one of them was told is not another's to hear.
    """
    named = json.dumps([caller.pk, str(caller.api_key_id), route, key])
    return salted_hmac("heirloom.api.idempotency", named, algorithm="sha256").hexdigest()


def _keyed_request(fingerprint: str) -> str:
    """Return a hash of a request that nobody without the secret key can compare with that of a picture they have."""
    return salted_hmac("heirloom.api.idempotency.request", fingerprint, algorithm="sha256").hexdigest()


def answer_place(row: KeyedRequest) -> Place:
    return Place("api_keyedrequest.answer", (row.id,), b"kept answer" + row.id.encode())


def _keyed(names: Iterable[object]) -> tuple[str, ...]:
    """Return the names as keyed hashes, without those that are no id: too long, or not printable.

    A number of an employee is so short that a hash without a key would be guessed.
    """
    texts = {str(name) for name in names if name}
    ids = sorted(text for text in texts if len(text) <= _LONGEST_NAME and text.isprintable())
    return tuple(salted_hmac("heirloom.api.idempotency.names", text, algorithm="sha256").hexdigest() for text in ids)
