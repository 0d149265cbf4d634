"""heirloom_client tries again what may be tried again, after as long as it was asked to wait, and nothing else."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from heirloom_client import (
    ApiError,
    AsyncClient,
    Client,
    ConflictError,
    NotConnectedError,
    NotSignedInError,
    Retries,
    TooManyRequestsError,
    UnavailableError,
)

from tests.clients.faulty import HANG_UP, Answer, Scripted

PERSON = {
    "id": "40389cc7-50c5-4b4d-bcf3-be645f975f91",
    "employee_id": "E-1",
    "external_id": None,
    "full_name": "Grace Hopper",
    "department": "",
    "position": "",
    "email": "",
    "metadata": {},
    "status": "active",
    "reference_count": 0,
    "created_at": "2026-11-26T11:18:42.730607Z",
    "updated_at": "2026-11-26T11:18:42.730607Z",
}
MADE: Answer = (201, {}, PERSON)
HUNG_UP: Answer = (HANG_UP, {}, None)


def refused(status: int, code: str, **headers: str) -> Answer:
    body = {"type": "server_error", "errors": [{"code": code, "detail": "Not now.", "attr": None}]}
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


def tokens(access: str) -> Answer:
    return 200, {}, {"access": access, "refresh": f"refresh of {access}"}


def client(server: Scripted, **options: Any) -> Client:
    waits: dict[str, Any] = {"retries": Retries(first_s=0.01, most_s=0.02)}
    return Client(server.url, **{"api_key": "hl_k_s", **waits, **options})


def test_a_request_that_broke_off_is_sent_again_with_its_key() -> None:
    with Scripted([HUNG_UP, HUNG_UP, MADE]) as server, client(server) as heirloom:
        assert heirloom.create_person("Grace Hopper").id == PERSON["id"]
        assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1
        assert len(server.asked) == 3


def test_each_request_has_a_key_of_its_own() -> None:
    with Scripted([MADE, MADE]) as server, client(server) as heirloom:
        heirloom.create_person("Grace Hopper")
        heirloom.create_person("Grace Hopper")
        assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 2


@pytest.mark.parametrize(("status", "code"), [(429, "throttled"), (503, "vision_unavailable")])
def test_the_server_is_waited_for_as_long_as_it_asks(status: int, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("heirloom_client.client.time.sleep", waited.append)
    script = [refused(status, code, Retry_After="7"), MADE]
    with Scripted(script) as server, client(server, retries=Retries(first_s=4, chance=max)) as heirloom:
        heirloom.create_person("Grace Hopper")
    assert waited == [11.0]


def test_pauses_double_up_to_a_limit_and_chance_only_shortens_them() -> None:
    longest = Retries(first_s=0.5, most_s=3, chance=max)
    assert [longest.pause(attempt) for attempt in range(5)] == [0.5, 1, 2, 3, 3]
    assert all(0 <= Retries().pause(3) <= 4 for _ in range(50))


def test_a_server_that_asks_for_too_long_is_not_waited_for() -> None:
    with Scripted([refused(429, "throttled", Retry_After="3600")]) as server, client(server) as heirloom:
        with pytest.raises(TooManyRequestsError) as caught:
            heirloom.create_person("Grace Hopper")
        assert caught.value.retry_after_s == 3600


def test_after_so_many_tries_the_last_error_is_raised() -> None:
    with Scripted([refused(503, "vision_unavailable")] * 5) as server, client(server) as heirloom:
        with pytest.raises(UnavailableError, match="vision_unavailable"):
            heirloom.create_person("Grace Hopper")
        assert len(server.asked) == 5
    with Scripted([HUNG_UP] * 5) as server, client(server) as heirloom, pytest.raises(NotConnectedError):
        heirloom.create_person("Grace Hopper")


def test_a_repetition_that_meets_the_first_still_under_way_waits_for_its_answer() -> None:
    script = [HUNG_UP, refused(409, "idempotency_in_progress", Retry_After="0"), MADE]
    with Scripted(script) as server, client(server) as heirloom:
        assert heirloom.create_person("Grace Hopper").id == PERSON["id"]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 500])
def test_what_would_not_help_is_not_tried_again(status: int) -> None:
    with Scripted([refused(status, "employee_id_taken")]) as server, client(server) as heirloom:
        with pytest.raises(ApiError) as caught:
            heirloom.create_person("Grace Hopper")
        assert (caught.value.status, caught.value.code, caught.value.detail) == (
            status,
            "employee_id_taken",
            "Not now.",
        )
        assert isinstance(caught.value, ConflictError) == (status == 409)


def test_an_error_page_of_a_proxy_is_an_error_too() -> None:
    with Scripted([(404, {"Content-Type": "text/html"}, None)]) as server, client(server) as heirloom:
        with pytest.raises(ApiError) as caught:
            heirloom.create_person("Grace Hopper")
        assert (caught.value.status, caught.value.code) == (404, "unknown")


def test_a_password_is_traded_once_and_the_refresh_token_used_when_the_first_ends() -> None:
    late = refused(401, "token_not_valid")
    with Scripted([tokens("one"), MADE, late, tokens("two"), MADE]) as server:
        with client(server, api_key=None, username="hana", password="secret") as heirloom:
            heirloom.create_person("Grace Hopper")
            heirloom.create_person("Grace Hopper")
        paths = [asked.path.removeprefix("/api/v1/") for asked in server.asked]
        assert paths == ["auth/token/", "people/", "people/", "auth/token/refresh/", "people/"]
        assert json.loads(server.asked[3].body) == {"refresh": "refresh of one"}
        assert server.asked[4].headers["authorization"] == "Bearer two"
        assert server.asked[2].headers["idempotency-key"] == server.asked[4].headers["idempotency-key"]


@pytest.mark.parametrize("refresh", [[refused(401, "token_not_valid")], [HUNG_UP, refused(401, "token_not_valid")]])
def test_a_refresh_token_is_sent_once_then_the_password(refresh: list[Answer]) -> None:
    """Sent twice it would look stolen, and end the session."""
    script = [tokens("one"), MADE, refused(401, "token_not_valid"), *refresh, tokens("two"), MADE]
    with Scripted(script) as server, client(server, api_key=None, username="hana", password="secret") as heirloom:
        heirloom.create_person("Grace Hopper")
        heirloom.create_person("Grace Hopper")
        refreshes = [asked for asked in server.asked if asked.path.endswith("refresh/")]
        assert len(refreshes) == 1


def test_a_wrong_password_is_told_and_not_tried_again() -> None:
    wrong = {"api_key": None, "username": "hana", "password": "wrong"}
    with Scripted([refused(401, "no_active_account")]) as server, client(server, **wrong) as heirloom:
        with pytest.raises(NotSignedInError, match="no_active_account"):
            heirloom.create_person("Grace Hopper")
        assert len(server.asked) == 1


def test_many_threads_sign_in_once() -> None:
    with Scripted([tokens("one"), *[MADE] * 8]) as server:
        with client(server, api_key=None, username="hana", password="secret") as heirloom:
            start = threading.Barrier(8)

            def make(number: int) -> None:
                start.wait()
                heirloom.create_person(f"Person {number}")

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(make, range(8)))
        assert [asked.path for asked in server.asked].count("/api/v1/auth/token/") == 1


def test_many_tasks_sign_in_once_and_try_again_alike() -> None:
    async def make(url: str) -> None:
        retries = Retries(first_s=0.01, most_s=0.02)
        async with AsyncClient(url, username="hana", password="secret", retries=retries) as heirloom:
            await asyncio.gather(*(heirloom.create_person(f"Person {number}") for number in range(4)))

    with Scripted([tokens("one"), HUNG_UP, *[MADE] * 4]) as server:
        asyncio.run(make(server.url))
        assert [asked.path for asked in server.asked].count("/api/v1/auth/token/") == 1
        assert len(server.asked) == 6


def test_an_api_key_is_sent_in_its_header_and_nowhere_else() -> None:
    with Scripted([MADE]) as server, client(server, api_key="hl_k_s") as heirloom:
        heirloom.create_person("Grace Hopper")
        assert server.asked[0].headers["x-api-key"] == "hl_k_s"
        assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    "who",
    [{}, {"username": "hana"}, {"api_key": "k", "token": "t"}, {"api_key": "k", "username": "h", "password": "p"}],
)
def test_there_is_one_way_to_say_who_calls(who: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="api_key"):
        Client("http://127.0.0.1:9", **who)
