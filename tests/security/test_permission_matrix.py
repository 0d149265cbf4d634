"""Who may do what: every address and method, for everybody. The table is matrix.toml."""

import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from heirloom.live.reading import find, look
from heirloom.uploads.api import CONTENT_TYPE
from tests.doors import API, doors, methods_of
from tests.house import House, build

MATRIX = Path(__file__).with_name("matrix.toml")
BODY = b'{"person_id": "emp-001"}'
"""Whom verifications and challenges are about: without a name they would be of everybody, which takes a scope."""
HEADERS = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Offset": "0"}
"""What uploads ask for before they look who asks for which."""
Row = tuple[str, str, dict[str, str]]


def read(section: str) -> list[Row]:
    """Return the rows of a section: method, door, and what each caller meets. {name} stands for each of its names."""
    matrix = tomllib.loads(MATRIX.read_text())
    table = matrix[section]
    callers, rows = table["callers"].split(), []
    for line in filter(None, (line.split("#")[0].strip() for line in table["doors"].splitlines())):
        methods, door, *words = line.split()
        assert len(words) == len(callers), f"{MATRIX.name}: this row has {len(words)} words for {callers}: {line}"
        met = dict(zip(callers, words, strict=True))
        rows += [(method, each, met) for method, each in product(methods.split(","), named(door, matrix["names"]))]
    return rows


def named(door: str, names: dict[str, str]) -> list[str]:
    found = re.search(r"{(\w+)}", door)
    return [door.replace(found[0], name) for name in names[found[1]].split()] if found else [door]


API_ROWS, PAGE_ROWS = read("api"), read("pages")


def labels(rows: list[Row]) -> list[str]:
    return [f"{method} {door}" for method, door, _ in rows]


@pytest.fixture
def house(db: None, settings: Settings) -> House:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    built = build()
    settings.EMBEDDED, settings.METRICS_TOKEN = False, ""
    return built


def ask(client: Client, method: str, address: str) -> HttpResponseBase:
    """Ask, and undo what came of it: one house is enough for the whole table."""
    cookies = client.cookies.output()
    with transaction.atomic():
        answer = client.generic(method, address, BODY, content_type=form(method, address), headers=HEADERS)
        transaction.set_rollback(True)
    client.cookies.clear()
    client.cookies.load(cookies.replace("Set-Cookie: ", ""))
    return answer


def form(method: str, address: str) -> str:
    return CONTENT_TYPE if method == "PATCH" and "/uploads/" in address else "application/json"


def word(answer: HttpResponseBase) -> str:
    """Return how a caller was met: let in, sent to sign in, sent to the review queue, or refused with a status."""
    place = answer.headers.get("Location", "")
    if answer.status_code == 302 and place.startswith(("/sign-in/", "/admin/login/")):
        return "sign-in"
    if answer.status_code == 302 and place == "/admin/":
        return "queue"
    return str(answer.status_code) if answer.status_code in {401, 403, 404, 405, 500} else "yes"


def differs(door: str, method: str, client: Client, address: str, who: str, told: str) -> list[str]:
    met = word(ask(client, method, address))
    return [] if met == told else [f"{method} {door}: {who} meets {met}, not {told}"]


def test_the_api_meets_everybody_as_the_table_says(house: House) -> None:
    wrong = []
    for method, door, met in API_ROWS:
        for who, told in met.items():
            if who != "ended":
                wrong += differs(door, method, house.callers[who], house.address(door, who), who, told)
        for why, client in house.ended.items():
            wrong += differs(door, method, client, house.address(door, "client"), why, met["ended"])
    assert not wrong, "\n".join(wrong)


def test_the_pages_meet_everybody_as_the_table_says(house: House) -> None:
    wrong = []
    for method, door, met in PAGE_ROWS:
        for who, told in met.items():
            wrong += differs(door, method, house.sessions[who], house.address(door, who), who, told)
    assert not wrong, "\n".join(wrong)


def met_by_socket(house: House, door: str, who: str, client: Any) -> str:
    subject = find(house.address(door, who))
    assert subject is not None
    sent = {**client.defaults, **client._credentials}
    headers = [
        (name.lower(), sent[key].encode())
        for name, key in ((b"Authorization", "HTTP_AUTHORIZATION"), (b"X-API-Key", "HTTP_X_API_KEY"))
        if key in sent
    ]
    scope = {"headers": headers, "subprotocols": [], "scheme": "ws", "client": ["127.0.0.1", 1], "server": None}
    state = look(subject, scope, number=1, is_first=True)
    assert state is not None
    return "yes" if state.text else str(int(state.close or 0) - 4000)


def test_sockets_meet_everybody_as_the_table_says(house: House) -> None:
    wrong = []
    for _, door, met in read("live"):
        callers = [(who, house.callers[who], told) for who, told in met.items() if who != "ended"]
        callers += [(why, client, met["ended"]) for why, client in house.ended.items()]
        for who, client, told in callers:
            found = met_by_socket(house, door, who, client)
            wrong += [] if found == told else [f"{door}: {who} meets {found}, not {told}"]
    assert not wrong, "\n".join(wrong)


def test_every_socket_has_a_row(settings: Settings) -> None:
    assert {door for _, door, _ in read("live")} == {f"/ws/v1/{kind}s/<pk>/" for kind in settings.LIVE_KINDS}


def test_every_door_has_a_row_for_each_method_that_it_opens_to(house: House) -> None:
    known = {(method, door) for method, door, _ in [*API_ROWS, *PAGE_ROWS]}
    unknown = []
    for door in doors():
        client: Any = house.callers["admin"] if door.startswith("/api/") else house.sessions["admin"]
        for method in methods_of(door):
            if (method, door) in known:
                continue
            answer = ask(client, method, house.address(door, "admin"))
            if answer.status_code != 405:
                unknown.append(f"{method} {door}  (an admin meets {answer.status_code})")
    assert not unknown, f"add to {MATRIX}, with what each caller is to meet:\n" + "\n".join(unknown)


def test_every_row_is_of_a_door_that_stands() -> None:
    known = {door for _, door, _ in [*API_ROWS, *PAGE_ROWS]}
    assert sorted(known - set(doors())) == []
    assert len(set(labels([*API_ROWS, *PAGE_ROWS]))) == len(API_ROWS) + len(PAGE_ROWS)


def test_a_session_opens_no_api_and_a_token_no_page(house: House) -> None:
    for method, door, met in API_ROWS:
        if met["nobody"] == "401":
            assert word(ask(house.sessions["admin"], method, house.address(door, "admin"))) == "401", door
    for method, door, met in PAGE_ROWS:
        if door == "/metrics":  # whose token opens it: test_metrics.py
            continue
        assert word(ask(house.callers["admin"], method, house.address(door, "admin"))) == met["nobody"], door


def test_a_form_of_another_site_changes_nothing(house: House) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = house.sessions["admin"].cookies
    for method, door, met in PAGE_ROWS:
        if method == "POST" and met["admin"] == "yes" and not door.startswith("/transcoder/"):
            assert ask(strict, method, house.address(door, "admin")).status_code == 403, door


def test_without_the_last_slash_it_is_the_same_address(house: House) -> None:
    for method, door, met in API_ROWS:
        path, question, query = house.address(door, "admin").partition("?")
        shorter = path.removesuffix("/") + question + query
        assert word(ask(house.callers["admin"], method, shorter)) == met["admin"], door


def test_another_callers_link_to_a_frame_opens_nothing(house: House) -> None:
    door = f"{API}verifications/<pk>/frames/<number>/"
    of_key = house.address(door, "key")
    assert word(ask(house.callers["key"], "GET", of_key)) == "yes"
    assert word(ask(house.callers["scoped"], "GET", of_key)) == "403"
    assert word(ask(house.callers["key"], "GET", of_key.partition("?")[0])) == "403"
