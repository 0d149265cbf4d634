"""A request passes middleware and view in one step of one thread, and comes out as it would otherwise."""

import asyncio
from typing import Any

from asgiref.sync import iscoroutinefunction

from heirloom.api.handler import OneStepHandler


def asked(path: str, *chunks: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body of a GET, or a POST of JSON in chunks, through the handler alone."""
    sent: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in reversed(chunks)]
    requests.insert(0, {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        if requests:
            return requests.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", b"testserver"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST" if chunks else "GET",
        "path": path,
        "query_string": b"",
        "headers": headers,
    }
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


def test_a_body_in_chunks_that_states_no_length_is_read() -> None:
    status, _, body = asked("/api/v1/auth/token/", b'{"username": "ha', b'na", "password"')
    assert status == 400
    assert b'"parse_error"' in body, "where it were not read, both fields would be missing"
