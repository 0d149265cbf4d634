"""manage.py postman: the collection has the format's structure, and a request for each operation of the document."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from heirloom.api.document import operations, whole
from heirloom.api.postman import FORMAT, VARIABLES, collection

Json = dict[str, Any]


@pytest.fixture(scope="module")
def made() -> Json:
    return collection(whole())


def requests(collection: Json) -> Iterator[Json]:
    for folder in collection["item"]:
        yield from folder["item"]


def test_the_command_prints_the_collection(capsys: pytest.CaptureFixture[str], made: Json) -> None:
    call_command("postman")
    assert json.loads(capsys.readouterr().out) == made


def test_it_is_served_too(client: Any, made: Json, db: None) -> None:
    assert client.get("/api/v1/postman/").json() == made


def test_it_has_the_structure_of_a_collection(made: Json) -> None:
    assert made["info"]["schema"] == FORMAT
    assert made["info"]["name"]
    assert made["auth"]["type"] == "bearer"
    assert made["auth"]["bearer"][0]["value"] == "{{token}}"
    assert {one["key"] for one in made["variable"]} == set(VARIABLES) >= {"base_url", "token", "api_key"}
    assert [folder["name"] for folder in made["item"]] == [tag["name"] for tag in whole()["tags"]]
    for item in requests(made):
        assert set(item) <= {"name", "request", "response", "event"}
        request = item["request"]
        assert set(request) <= {"method", "header", "url", "description", "body", "auth"}
        assert request["method"] in {"GET", "POST", "PUT", "PATCH", "DELETE"}
        assert request["url"]["host"] == ["{{base_url}}"]
        assert request["url"]["raw"] == "{{base_url}}/" + "/".join(request["url"]["path"])
        for header in request["header"]:
            assert header["key"]
            assert isinstance(header["value"], str)
        body = request.get("body", {"mode": ""})
        assert body["mode"] in {"", "raw", "formdata", "file"}
        assert body["mode"] in body or not body["mode"]
        for field in body.get("formdata", []):
            assert isinstance(field["value"], str) if field["type"] == "text" else field["src"] is None
        for answer in item["response"]:
            assert {"name", "originalRequest", "code", "header", "body"} <= set(answer)
            json.loads(answer["body"])


def test_there_is_a_request_for_every_operation(made: Json) -> None:
    asked = {(one["request"]["method"], "/".join(one["request"]["url"]["path"])) for one in requests(made)}
    known = {
        (method.upper(), re.sub(r"\{(\w+)\}", r":\1", path.lstrip("/"))) for path, method, _ in operations(whole())
    }
    assert asked == known
    assert len(list(requests(made))) == len(known)


def test_every_step_of_an_address_that_varies_has_a_value(made: Json) -> None:
    for item in requests(made):
        url = item["request"]["url"]
        steps = {step[1:] for step in url["path"] if step.startswith(":")}
        assert steps == {one["key"] for one in url.get("variable", [])}
        assert all(one["value"] for one in url.get("variable", []))


def test_bodies_are_the_documents_examples(made: Json) -> None:
    bodies = {one["name"]: one["request"].get("body") for one in requests(made)}
    compare = whole()["paths"]["/api/v1/compare/"]["post"]
    example = compare["requestBody"]["content"]["application/json"]["example"]
    assert json.loads(bodies[compare["summary"]]["raw"]) == example
    form = bodies[whole()["paths"]["/api/v1/verifications/"]["post"]["summary"]]["formdata"]
    assert {one["key"]: one["type"] for one in form} == {"employee_id": "text", "file": "file"}


def test_signing_in_needs_no_token_and_keeps_the_one_it_gets(made: Json) -> None:
    (sign_in,) = [one for one in requests(made) if one["request"]["url"]["path"][-3:] == ["auth", "token", ""]]
    assert sign_in["request"]["auth"] == {"type": "noauth"}
    assert json.loads(sign_in["request"]["body"]["raw"]) == {"username": "{{username}}", "password": "{{password}}"}
    assert 'set("token"' in sign_in["event"][0]["script"]["exec"][0]
