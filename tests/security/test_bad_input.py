"""Whatever is sent, the answer is ours: a 4xx in the one error shape, and nothing is written."""

import asyncio
import base64
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from enrollment.models import Person
from heirloom.api.body_limits import BodyLimitMiddleware
from heirloom.api.routes import SIGN_IN_BYTES
from tests.api.conftest import CONSENT
from tests.cast import Cast, caller
from tests.portal.conftest import signed_in

PEOPLE = "/api/v1/people/"
DEEP = '{"metadata":' + '{"a":' * 50_000


def refused(answer: Any, status: int) -> bool:
    body = answer.json()
    return bool(answer.status_code == status and set(body) == {"type", "errors"} and body["errors"][0]["code"])


@pytest.mark.parametrize(
    "metadata", ['{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": ["\\ud800"]}', '{"a": 1e999}', "[1]", '"text"', "null"]
)
def test_metadata_that_cannot_be_stored_is_refused(hana: APIClient, metadata: str) -> None:
    body = f'{{"full_name": "Ada", "employee_id": "E-1", "metadata": {metadata}}}'
    assert refused(hana.post(PEOPLE, body, content_type="application/json"), 400)
    assert not Person.objects.exists()


@pytest.mark.parametrize("body", ["[" * 100_000, DEEP, "[" * 600 + "]" * 600], ids=["open", "objects", "closed"])
@pytest.mark.parametrize("url", ["/api/v1/auth/token/", PEOPLE])
def test_json_nested_too_deeply_is_refused(hana: APIClient, url: str, body: str) -> None:
    assert refused(hana.post(url, body, content_type="application/json"), 400)


@pytest.mark.parametrize("url", [f"{PEOPLE}?search=%00", "/api/v1/verifications/?outcome=%00"])
def test_a_nul_character_in_a_query_is_refused(hana: APIClient, url: str) -> None:
    assert refused(hana.get(url), 400)


@pytest.mark.parametrize("url", ["/people/?q=%00", "/admin/reviews/review/?kind=%00"])
def test_a_nul_character_in_the_address_of_a_page_is_refused(cast: Cast, url: str) -> None:
    assert signed_in(cast.ada).get(url).status_code == 400


@pytest.mark.parametrize("position", ["abc", "%00", "2026-13-45"])
@pytest.mark.parametrize("url", ["/api/v1/verifications/", "/api/v1/reviews/"])
def test_a_cursor_that_was_not_made_here_is_404(cast: Cast, url: str, position: str) -> None:
    cursor = base64.b64encode(f"p={position}".encode()).decode()
    assert refused(caller(cast.ada).get(url, {"cursor": cursor}), 404)


def test_an_address_that_is_nowhere_is_404_in_the_shape_of_the_api(client: Client) -> None:
    assert refused(client.get("/api/v1/nothing/"), 404)
    assert client.get("/nothing/")["Content-Type"].startswith("text/html")


def test_a_search_with_thousands_of_words_is_answered(hana: APIClient, cast: Cast) -> None:
    words = "a " * 5000
    assert hana.get(PEOPLE, {"search": words}).status_code == 200
    assert signed_in(cast.ada).get("/admin/enrollment/person/", {"q": words}).status_code == 200


def test_a_consent_is_not_given_in_the_future(hana: APIClient) -> None:
    person = Person.objects.create(full_name="Ada")
    tomorrow = {**CONSENT, "given_at": (timezone.now() + timedelta(days=1)).isoformat()}
    assert refused(hana.post(f"{PEOPLE}{person.pk}/consents/", tomorrow, format="json"), 400)
    assert not person.consents.exists()


def test_a_sign_in_takes_no_large_body() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", str(SIGN_IN_BYTES + 1).encode()), (b"content-type", b"multipart/form-data")]
    scope = {"type": "http", "path": "/api/v1/auth/token/", "headers": headers}
    asyncio.run(BodyLimitMiddleware(None, photo_bytes=1, clip_bytes=1)(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 413
