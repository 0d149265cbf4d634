"""Nobody sends much before it is known who that is: the answer comes before a byte of a long body does."""

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from heirloom.accounts.services import create_login
from heirloom.api.body_limits import LIMIT_KEY
from heirloom.api.routes import SIGN_IN_BYTES
from heirloom.api.strangers import StrangersUnread
from tests.cast import PASSWORD, caller, make_cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_passwords")]
LONG = 500 * 1024 * 1024
PATHS = ["/api/v1/verifications/", "/api/v1/imports/", "/api/v1/detect", "/people/enroll/"]


def begun(live: str, path: str, **headers: str) -> bytes:
    """Send the headers of a long form and nothing of its body; return the first line of the answer, b"" for none."""
    place = urlsplit(live)
    told = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(LONG), **headers}
    lines = [f"POST {path} HTTP/1.1", f"Host: {place.netloc}", *(f"{name}: {value}" for name, value in told.items())]
    with socket.create_connection((str(place.hostname), place.port or 80)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        connection.settimeout(2 if headers else 20)
        try:
            return connection.recv(4096).split(b"\r\n")[0]
        except TimeoutError:
            return b""


@pytest.mark.parametrize("path", PATHS)
def test_who_is_not_known_is_answered_before_the_body(live: str, path: str) -> None:
    refused = b"403" if path.startswith("/people") else b"413" if path.endswith("detect") else b"401"
    assert refused in begun(live, path)


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Cookie"])
def test_a_credential_that_opens_nothing_is_none(live: str, name: str) -> None:
    value = {"Authorization": "Bearer no.such.token", "X-API-Key": "hl_none_none", "Cookie": "sessionid=none"}[name]
    assert b"401" in begun(live, "/api/v1/verifications/", **{name: value})


@pytest.mark.parametrize("length", [f"{LONG} ", f" {LONG}"])
def test_a_length_in_odd_spelling_is_a_length(live: str, length: str) -> None:
    assert b"401" in begun(live, "/api/v1/verifications/", **{"Content-Length": length})


def test_a_login_without_a_part_here_is_nobody(live: str) -> None:
    make_cast()
    nobody = create_login(username="nobody", password=PASSWORD, roles=())
    token = caller(nobody)._credentials["HTTP_AUTHORIZATION"]
    assert b"403" in begun(live, "/api/v1/imports/", Authorization=token)


def test_where_no_file_is_taken_nobody_is_asked_who_they_are() -> None:
    met: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        met.append(receive)

    async def receive() -> Any: ...

    headers = [(b"transfer-encoding", b"chunked"), (b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "path": "/sign-in/", "method": "POST", "headers": headers, LIMIT_KEY: SIGN_IN_BYTES}
    asyncio.run(StrangersUnread(application)(scope, receive, None))  # type: ignore[arg-type]
    assert met == [receive]


def test_who_is_known_is_read(live: str) -> None:
    hana = make_cast().hana
    token = caller(hana)._credentials["HTTP_AUTHORIZATION"]
    assert begun(live, "/api/v1/verifications/", Authorization=token) == b""
    browser = Client()
    browser.force_login(hana, "django.contrib.auth.backends.ModelBackend")
    assert begun(live, "/people/enroll/", Cookie=f"sessionid={browser.cookies['sessionid'].value}") == b""
