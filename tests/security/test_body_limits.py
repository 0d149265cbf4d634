"""How much each route takes: photos and clips where they are wanted, a megabyte elsewhere."""

import asyncio
import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django.urls import resolve

from heirloom.api.body_limits import BodyLimitMiddleware
from heirloom.api.routes import ORDINARY_BYTES, ROUTES, SIGN_IN_BYTES

MB = 1024 * 1024
JSON, FORM = b"application/json", b"multipart/form-data; boundary=x"


def limit(path: str, content_type: bytes = JSON) -> int:
    async def nothing(*_: Any) -> None: ...

    return BodyLimitMiddleware(nothing, photo_bytes=25 * MB, clip_bytes=2048 * MB).limit(path, content_type)


@pytest.mark.parametrize("path", ["/api/v1/auth/token", "/api/v1/auth/token/refresh/", "/sign-in/"])
def test_a_sign_in_takes_least(path: str) -> None:
    assert limit(path) == limit(path, FORM) == SIGN_IN_BYTES


@pytest.mark.parametrize("path", ["/api/v1/people/", "/api/v1/reviews/1/decide/", "/admin/", "/nowhere/", "/people/"])
@pytest.mark.parametrize("content_type", [JSON, FORM, b"", b"text/plain"])
def test_where_no_picture_is_wanted_a_megabyte_is_enough(path: str, content_type: bytes) -> None:
    assert limit(path, content_type) == ORDINARY_BYTES


@pytest.mark.parametrize(
    ("path", "photos"), [("detect", 1), ("compare/", 2), ("register-multiple/", 10), ("verifications", 1)]
)
def test_a_route_takes_as_many_photos_as_it_asks_for(path: str, photos: int) -> None:
    assert 0 <= limit(f"/api/v1/{path}") - photos * 25 * MB * 4 / 3 <= 2 * MB


def test_files_are_taken_where_a_form_carries_them() -> None:
    assert 25 * MB < limit("/api/v1/detect-upload/", FORM) < 30 * MB
    for path in (f"/api/v1/people/{uuid4()}/captures/", "/people/enroll/", f"/people/{uuid4()}/enroll/"):
        assert limit(path, FORM) > 2048 * MB
        assert limit(path) == ORDINARY_BYTES


def test_every_row_of_the_table_is_a_route_of_ours() -> None:
    for route in ROUTES:
        for pattern in _alternatives(route.path.pattern):
            resolve(pattern)


def _alternatives(pattern: str) -> list[str]:
    """Return an address for each that a pattern names."""
    plain = pattern.replace("([^/]+/)?", "").replace("[^/]+", str(uuid4())).replace(".*", "token/").removesuffix("/?")
    if group := re.search(r"\((.*)\)", plain):
        return [f"{plain[: group.start()]}{name}/" for name in group[1].split("|")]
    return [path if path.endswith("/") else f"{path}/" for path in plain.split("|")]


def answer_to(*pauses_s: float, patience_s: float = 0.1) -> tuple[int, str]:
    """Return what is answered to a form that comes in pieces, with these pauses before them; 204 where it is taken."""
    waiting, sent = list(pauses_s), []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(waiting.pop(0))
        return {"type": "http.request", "body": b"x", "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def take(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        waiting.append(2 * patience_s)
        await receive()  # how Django learns that the caller hung up
        await send({"status": 204})
        await send({"body": b'{"errors": [{"code": ""}]}'})

    scope = {"type": "http", "path": "/api/v1/verifications/", "headers": [(b"content-type", FORM)]}
    middleware = BodyLimitMiddleware(take, photo_bytes=MB, clip_bytes=MB, patience_s=patience_s)
    asyncio.run(middleware(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["errors"][0]["code"]


def test_a_body_that_drips_in_is_ended() -> None:
    assert answer_to(*[0.04] * 50) == (408, "upload_too_slow")
    assert answer_to(5) == (408, "upload_too_slow")


def test_whoever_has_sent_all_may_wait_for_the_answer() -> None:
    assert answer_to(0, 0, 0, patience_s=0.5) == (204, "")
