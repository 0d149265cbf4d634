"""How a request passes through Django."""

from typing import Any

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

    async def get_response_async(self, request: Any) -> HttpResponseBase:
        return await self._respond(request)
