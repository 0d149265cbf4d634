"""Items are not bytes: what a body is made of is counted before anything is built of it."""

import asyncio
import json
import resource
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from enrollment.models import Person
from heirloom import bounded_json
from heirloom.api.body_limits import BodyLimitMiddleware
from heirloom.api.routes import ORDINARY_ITEMS, SIGN_IN_ITEMS
from heirloom.bounded_json import TooManyItemsError, UnreadableError
from tests.api.conftest import CONSENT
from tests.cast import Cast
from tests.portal.conftest import signed_in

PEOPLE = "/api/v1/people/"
MB = 1024 * 1024
MOST = 10_000
PHOTO = "/9j/" * 100_000
Made = dict[str, Callable[[], bytes]]
# Each is made when its test runs: together they are half a gigabyte.
MADE_OF_TOO_MUCH: Made = {
    "lists": lambda: b"[" + b"[]," * 15_000_000 + b"[]]",
    "objects": lambda: b"[" + b"{}," * 15_000_000 + b"{}]",
    "names": lambda: b"{" + b",".join(b'"%d":1' % number for number in range(2_000_000)) + b"}",
    "numbers": lambda: b"[" + b"1," * 22_000_000 + b"1]",
    "strings without commas": lambda: b'["' + b'""' * 22_000_000 + b'"]',
    "escaped quotation marks": lambda: b'["' + b'\\"' * 22_000_000 + b'"]',
}
NOT_TAKEN: Made = {
    "deep": lambda: b"[" * 45_000_000,
    "deep and closed": lambda: b"[" * 33 + b"]" * 33,
    "a long number": lambda: b"[" + b"1" * 45_000_000 + b"]",
    "a long exponent": lambda: b"[1e" + b"9" * 500 + b"]",
    "a large number": lambda: b"[1e999]",
    "NaN": lambda: b"[NaN]",
    "minus infinity": lambda: b"[-Infinity]",
    "a name twice": lambda: b'{"a": 1, "a": 2}',
    "a name twice below": lambda: b'[{"b": {"a": 1, "\\u0061": 2}}]',
    "a long name": lambda: b'{"%s": 1}' % (b"a" * 300),
    "a surrogate": lambda: b'["\\ud800"]',
    "a NUL": lambda: b'["\\u0000"]',
    "a plain NUL in a long string": lambda: b'["%s\0"]' % (b"a" * 100_000),
    "a line break in a long string": lambda: b'["%s\n"]' % (b"a" * 100_000),
    "blank space": lambda: b" " * 45_000_000 + b"1",
    "backslashes": lambda: b'["' + b"\\" * 45_000_000 + b'"]',
    "no end": lambda: b'["abc',
    "no UTF-8": lambda: b'["\xff"]',
    "no UTF-8 in a long string": lambda: b'["%s\xff"]' % (b"a" * 100_000),
    "UTF-16": lambda: '{"a": 1}'.encode("utf-16"),
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("make", MADE_OF_TOO_MUCH.values(), ids=MADE_OF_TOO_MUCH)
def test_more_items_than_are_taken_are_refused_before_they_are_built(make: Callable[[], bytes]) -> None:
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooManyItemsError):
        bounded_json.read(data, most_items=MOST)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes; all of it is a gigabyte


@pytest.mark.parametrize("make", NOT_TAKEN.values(), ids=NOT_TAKEN)
def test_what_no_client_means_is_refused(make: Callable[[], bytes]) -> None:
    with pytest.raises(UnreadableError):
        bounded_json.read(make(), most_items=MOST)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"a": [1, -2.5e3, True, None, 'ü\n"\\/ ,,,[[[{{{'], "b": {"c": {}}}, id="everything"),
        pytest.param({"image_base64": PHOTO, "again": [PHOTO, "short", PHOTO[::-1]]}, id="photos"),
        pytest.param({"text": "ä,[" * 100_000}, id="text full of commas"),
        pytest.param({"escaped": "\n" + PHOTO}, id="a long string with escapes"),
        pytest.param(PHOTO, id="a photo alone"),
        pytest.param([list(range(9_000))], id="as many items as are taken"),
        pytest.param("", id="nothing"),
        pytest.param(0, id="a number"),
    ],
)
def test_everything_else_is_read_as_it_is(value: Any) -> None:
    plain, indented = json.dumps(value), json.dumps(value, ensure_ascii=False, indent=8)
    for data in (plain, indented, plain.replace("/", "\\/")):
        assert bounded_json.read(data.encode(), most_items=MOST) == value


def test_a_route_takes_as_many_items_as_it_needs(hana: APIClient) -> None:
    for path, most in (("/api/v1/auth/token/", SIGN_IN_ITEMS), (PEOPLE, ORDINARY_ITEMS)):
        body = {"full_name": "Ada", "metadata": {"a": [0] * most}}
        answer = hana.post(path, body, format="json")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_many_items")
    assert not Person.objects.exists()


def test_a_body_of_many_bytes_is_read_where_a_photo_is_wanted(hana: APIClient) -> None:
    whole = b"[" + b"[]," * 2_000_000 + b"[]]"
    answer = hana.generic("POST", "/api/v1/register-multiple/", whole, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_many_items")
    photos = {"full_name": "Ada", "employee_id": "E-1", "images": ["A" * 4_000_000] * 2, "consent": CONSENT}
    assert hana.post("/api/v1/register-multiple/", photos, format="json").status_code == 415


@pytest.mark.parametrize("number", ["1" + "0" * 400, "-" + "9" * 101, "1e400"])
def test_a_number_beyond_all_fields_is_400(cleo: APIClient, number: str) -> None:
    body = f'{{"image_base64": "", "conf_threshold": {number}, "max_faces": {number}}}'
    assert cleo.post("/api/v1/detect/", body, content_type="application/json").status_code == 400


def test_a_form_of_too_many_fields_or_files_is_refused(hana: APIClient, cast: Cast) -> None:
    person = Person.objects.create(full_name="Ada")
    url = f"{PEOPLE}{person.pk}/captures/"
    fields = {f"field{number}": "1" for number in range(1100)}
    assert hana.post(url, fields).json()["errors"][0]["code"] == "too_many_items"
    assert hana.post(url, {"consent": "x" * 2 * MB}).json()["errors"][0]["code"] == "too_many_bytes"
    assert signed_in(cast.ada).post("/people/enroll/", fields).status_code == 400


def test_an_address_of_too_many_parameters_is_refused(hana: APIClient, cast: Cast) -> None:
    query = "&".join(f"a{number}=1" for number in range(101))
    answer = hana.get(f"{PEOPLE}?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_many_items")
    assert signed_in(cast.ada).get(f"/people/?{query}").status_code == 400
    assert hana.get(f"{PEOPLE}?{query.partition('&')[2]}").status_code == 200


def test_json_in_a_field_is_bounded_too(hana: APIClient) -> None:
    person = Person.objects.create(full_name="Ada")
    answer = hana.post(f"{PEOPLE}{person.pk}/captures/", {"consent": "[" + "[]," * 20_000 + "[]]"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_many_items")


def test_a_form_of_too_many_parts_ends_while_it_arrives() -> None:
    form, part = b"multipart/form-data; boundary=x", b"--x\r\nContent-Type: a/b\r\n\r\n\r\n"
    in_shreds = [(part * 1600)[at : at + 7] for at in range(0, 1600 * len(part), 7)]
    assert answered(form, [part * 100] * 20) == (413, "too_many_items")
    assert answered(form, in_shreds) == (
        413,
        "too_many_items",
    )
    assert answered(form, [part * 100] * 10) == (204, "")


@pytest.mark.parametrize("charset", ["zlib", "utf-16", "utf-7", "idna", "unicode_escape", "latin-1", "no-such"])
def test_no_codec_is_looked_up_that_a_caller_names(charset: str) -> None:
    packed = zlib.compress(b"[" + b"[]," * 1_000_000 + b"[]]")
    told = f"application/json; charset={charset}".encode()
    assert answered(told, [packed]) == (415, "charset_unsupported")
    assert answered(b'application/json; Charset="UTF-8"', [b"{}"]) == (204, "")


def test_no_codec_unpacks_a_body(hana: APIClient) -> None:
    packed = zlib.compress(b'{"full_name": "Ada"}')
    assert hana.generic("POST", PEOPLE, packed, content_type="application/json; charset=zlib").status_code == 400


def answered(content_type: bytes, pieces: list[bytes]) -> tuple[int, str]:
    """Return what a body in these pieces meets; 204 where all of it is taken."""
    sent: list[Any] = []
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    async def take(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await send({"status": 204})
        await send({"body": b'{"errors": [{"code": ""}]}'})

    scope = {"type": "http", "path": "/api/v1/verifications/", "headers": [(b"content-type", content_type)]}
    asyncio.run(BodyLimitMiddleware(take, photo_bytes=MB, clip_bytes=MB)(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])["errors"][0]["code"]
