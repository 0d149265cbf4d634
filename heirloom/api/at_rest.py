"""What the API keeps sealed, for `heirloom.crypto.renewal`."""

from heirloom.api.idempotency import SUBJECT, answer_place
from heirloom.api.keyed_requests import KeyedRequest
from heirloom.crypto.renewal import Column, Step


def steps() -> list[Step]:
    return [Column("kept answers", KeyedRequest.objects.all(), "answer", lambda _: SUBJECT, answer_place)]
