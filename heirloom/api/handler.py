"""How a request passes through Django."""

import os
from collections.abc import Mapping
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http.response import HttpResponseBase


class OneStepHandler(ASGIHandler):
    """Takes a request through middleware and view in one step of its thread.

    All of them are synchronous. Django's own handler goes back to the event loop between them, some ten times for one
    request, and each change of sides costs as much as a query.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)
        self._respond = sync_to_async(self.get_response, thread_sensitive=True)

    def create_request(self, scope: Mapping[str, Any], body_file: IO[bytes]) -> tuple[Any, Any]:
        """Tell the length of a body that came in chunks, for one without a length is taken for none at all."""
        length = body_file.seek(0, os.SEEK_END)
        body_file.seek(0)
        if length and not any(name == b"content-length" for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (b"content-length", str(length).encode())]}
        request, refusal = super().create_request(scope, body_file)
        return request, refusal

    async def get_response_async(self, request: Any) -> HttpResponseBase:
        return await self._respond(request)
