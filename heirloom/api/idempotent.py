"""Views whose POSTs make something: with the header Idempotency-Key they make it once."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.datastructures import MultiValueDict
from rest_framework import status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from heirloom.api import idempotency
from heirloom.api.idempotency import Answer
from heirloom.api.permissions import caller
from heirloom.errors import Refusal

REPLAYED = "Idempotency-Replayed"
# Fields by which bodies and answers name people and things.
NAMING = ("id", "person_id", "employee_id", "external_id")
DOOR = "post"
KEPT = (status.HTTP_201_CREATED, status.HTTP_202_ACCEPTED, status.HTTP_409_CONFLICT)
Handler = Callable[..., Response]


class Idempotent(APIView):
    """Carries out each POST with a key once and repeats its answer, if something came of it.

    A repetition passes authentication, permissions and throttles like any request. Kept are 201, 202, and 409: a
    conflict may have left a case for a reviewer. All others left nothing behind, so the request may come again.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = request.headers.get(idempotency.HEADER)
        handler = getattr(self, DOOR, None)
        if request.method == "POST" and key is not None and handler is not None:
            setattr(self, DOOR, partial(self._once, key, handler))

    def _once(self, key: str, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Carry a request out and keep its answer in one transaction: whoever dies on the way has done neither."""
        found, what = request.resolver_match, fingerprint(request)
        with transaction.atomic():
            begun = idempotency.begin(
                caller=caller(request),
                route=found.route if found else request.path,
                key=key,
                fingerprint=what,
                names=[*kwargs.values(), *_names(request.data)],
            )
            if isinstance(begun, Answer):
                return Response(json.loads(begun.body), begun.status, headers={**begun.headers, REPLAYED: "true"})
            response = self._answered(partial(handler, request, *args, **kwargs))
            if response.status_code in KEPT:
                idempotency.keep(begun, _answer(response), names=_names(response.data))
        return response

    def _answered(self, carry_out: Callable[[], Response]) -> Response:
        try:
            return carry_out()
        except Refusal as refusal:
            return self.handle_exception(refusal)


def fingerprint(request: Request) -> str:
    """Return the SHA-256 (hex) of method, path and body: JSON whatever its spacing and order, a form by its fields and
    the contents of its files, which are read in pieces.
    """
    digest = hashlib.sha256()
    whole = [request.method, request.get_full_path(), _shape(request.data)]
    for piece in json.JSONEncoder(sort_keys=True).iterencode(whole):
        digest.update(piece.encode())
    return digest.hexdigest()


def _shape(body: Any) -> Any:
    if not isinstance(body, MultiValueDict):
        return {"json": body}
    return {"form": {name: [_value(value) for value in body.getlist(name)] for name in body}}


def _value(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return value
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return {"name": value.name, "type": value.content_type, "sha256": digest.hexdigest()}


def _names(data: Any) -> Iterator[object]:
    """Give the ids that stand in a body or an answer, at any depth."""
    if isinstance(data, Mapping):
        yield from (data[field] for field in NAMING if isinstance(data.get(field), str | int | uuid.UUID))
    within = data.values() if isinstance(data, Mapping) else data if isinstance(data, list | tuple) else ()
    for inner in within:
        yield from _names(inner)


def _answer(response: Response) -> Answer:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
    return Answer(response.status_code, headers, (JSONRenderer().render(response.data) or b"null").decode())
