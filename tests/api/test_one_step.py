"""A request passes middleware and view in one step of one thread, and comes out as it would otherwise."""

import asyncio
from typing import Any

from asgiref.sync import iscoroutinefunction

from heirloom.api.handler import OneStepHandler


def asked(path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body of a GET through the handler alone."""
    sent: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"testserver")]}
    asyncio.run(OneStepHandler()(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


def test_no_part_of_the_chain_goes_back_to_the_event_loop() -> None:
    assert not iscoroutinefunction(OneStepHandler()._middleware_chain)


def test_an_answer_comes_through_with_what_middleware_adds() -> None:
    status, headers, body = asked("/api/v1/nowhere/")
    assert status == 404
    assert b'"not_found"' in body
    assert headers[b"X-Content-Type-Options"] == b"nosniff"
