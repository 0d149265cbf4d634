"""The OpenAPI document is valid and whole; that it is true, tests.documented sees in the answers of all other tests."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import path as django_path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from openapi_spec_validator import validate
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from heirloom.api import refusals
from heirloom.api.document import operations, whole
from heirloom.api.idempotent import Idempotent
from heirloom.api.schema import STANDARD
from heirloom.errors import CODES
from heirloom.reviews.api import ReviewSerializer, VerdictInput
from tests.cast import Cast, caller
from tests.documented import OPEN

# What programs are generated from: a name that stands here never changes.
STABLE = """
add_face anti_spoofing api_keys_create api_keys_list api_keys_partial_update api_keys_retrieve api_keys_revoke
api_keys_rotate auth_token auth_token_refresh auth_token_revoke challenges compare deliveries_list deliveries_replay
deliveries_retrieve
detect detect_upload enrollments_retrieve jobs_retrieve people_captures_create people_captures_list
people_consents_create people_consents_list people_consents_withdraw people_create people_erase people_list
people_partial_update people_retrieve people_templates_list people_update recognize register_multiple reviews_claim
reviews_list reviews_release reviews_retrieve reviews_verdict uploads_create uploads_destroy uploads_direct
uploads_partial_update verifications_cancel verifications_create
verifications_frames_retrieve verifications_list verifications_retrieve webhooks_create webhooks_deliveries_list
webhooks_destroy webhooks_list webhooks_partial_update webhooks_retrieve webhooks_rotate webhooks_test
"""
ALL = [pytest.param(path, method, id=f"{method} {path}") for path, method, _ in operations(whole())]
each_operation = pytest.mark.parametrize(("path", "method"), ALL)
Operation = dict[str, Any]


@pytest.fixture
def operation(path: str, method: str) -> Operation:
    return dict(whole()["paths"][path][method])


def bodies(operation: Operation) -> Iterator[dict[str, Any]]:
    """Give everything that the operation takes or answers as JSON or a form."""
    for part in (operation.get("requestBody", {}), *operation["responses"].values()):
        yield from (media for media in part.get("content", {}).values() if media["schema"].get("format") != "binary")


def shown(media: dict[str, Any]) -> list[Any]:
    known = whole()["components"]["examples"]
    named = [known[one["$ref"].rpartition("/")[2]] for one in media.get("examples", {}).values() if "$ref" in one]
    return [*([media["example"]] if "example" in media else []), *(one["value"] for one in named)]


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml"))
    validate(whole())


@each_operation
def test_every_operation_says_what_it_does_and_for_whom(operation: Operation) -> None:
    assert 5 < len(operation["summary"]) <= 100, operation["summary"]
    assert "\n" not in operation["summary"]
    assert len(operation["description"]) > len(operation["summary"])
    assert re.search(r"^For .+\.$", operation["description"], re.MULTILINE)
    assert {tag["name"] for tag in whole()["tags"]} >= set(operation["tags"]) != set()
    assert re.fullmatch(r"[a-z][a-z0-9_]*", operation["operationId"])
    assert operation["security"]


def test_names_of_operations_are_unique_and_stay() -> None:
    names = [operation["operationId"] for _, _, operation in operations(whole())]
    assert len(names) == len(set(names))
    assert set(STABLE.split()) <= set(names)


@each_operation
def test_every_body_has_an_example_that_fits_it(operation: Operation) -> None:
    for media in bodies(operation):
        schema = {**media["schema"], "components": whole()["components"]}
        assert shown(media), media
        for example in shown(media):
            OAS30Validator(schema, format_checker=oas30_format_checker).validate(example)


@each_operation
def test_every_operation_lists_what_it_refuses(operation: Operation, method: str) -> None:
    answers = operation["responses"]
    public = operation["security"] == [{}]
    assert {"429", "503", *([] if public else ["401"])} <= set(answers)
    assert any(status.startswith("2") for status in answers)
    if "requestBody" in operation:
        assert {"400", "408", "413", "415"} <= set(answers)
    if "Idempotency-Key" in {parameter["name"] for parameter in operation.get("parameters", [])}:
        assert {"409", "422"} <= set(answers)
    for status, answer in answers.items():
        if status >= "400":
            codes = answer["content"]["application/json"]["examples"]
            assert codes
            for code in codes:
                assert refusals.code(code).status == int(status)
                assert f"`{code}`" in answer["description"] or OPEN in answer["description"]
            assert ("Retry-After" in answer.get("headers", {})) == (status in {"429", "503"})


class BareView(Idempotent):
    """Make a thing; more of it elsewhere."""

    @extend_schema(request=VerdictInput, responses={201: ReviewSerializer})
    def post(self, request: Request) -> Response:
        return Response()


class TellingView(BareView):
    refuses = ("already_decided",)


class BusyView(TellingView):
    also_refuses = ("vision_unavailable",)


def made_of(view: type[APIView]) -> Operation:
    generator = SchemaGenerator(patterns=[django_path("api/v1/things/", view.as_view())])
    return dict(generator.get_schema(request=None, public=True)["paths"]["/api/v1/things/"]["post"])


def test_a_new_view_is_told_of_without_more_work() -> None:
    operation = made_of(BareView)
    assert (operation["operationId"], operation["summary"], operation["tags"]) == ("things", "Make a thing", ["things"])
    assert operation["requestBody"]["content"]["application/json"]["example"]["verdict"] == "approved"
    assert operation["responses"]["201"]["content"]["application/json"]["example"]["kind"] == "verification"
    assert {"400", "401", "408", "409", "413", "415", "422", "429", "503"} <= set(operation["responses"])
    assert OPEN in operation["responses"]["409"]["description"]


def test_a_view_that_names_its_codes_promises_that_there_are_no_others() -> None:
    conflict = made_of(TellingView)["responses"]["409"]
    assert OPEN not in conflict["description"]
    assert set(conflict["content"]["application/json"]["examples"]) == {
        "already_decided",
        "idempotency_in_progress",
        "idempotency_answer_erased",
    }


def test_what_a_base_class_refuses_comes_with_it() -> None:
    away = made_of(BusyView)["responses"]["503"]["content"]["application/json"]["examples"]
    assert set(away) == {"vision_unavailable", "database_unavailable", "issuer_unavailable"}


def test_an_address_with_an_id_may_have_nothing_at_it() -> None:
    for path, _, operation in operations(whole()):
        assert ("{" not in path) or "404" in operation["responses"], path


def test_keys_are_named_only_where_they_open_something() -> None:
    ways = {o["operationId"]: [next(iter(way), "") for way in o["security"]] for _, _, o in operations(whole())}
    assert ways["auth_token"] == [""]
    assert ways["verifications_create"] == ["jwtAuth", "apiKey"]
    for name in ("api_keys_create", "webhooks_list", "reviews_list", "people_create"):
        assert ways[name] == ["jwtAuth"], name


def test_views_name_only_codes_that_exist() -> None:
    known = {*CODES, *refusals.FRAMEWORK}
    for view in _views(APIView):
        said = getattr(view, "refuses", ())
        for codes in said.values() if isinstance(said, dict) else [said]:
            assert set(codes) <= known, view
        if isinstance(said, dict):
            assert all(action in {"*", *STANDARD} or hasattr(view, action) for action in said), view


def _views(base: type[APIView]) -> Iterator[type[APIView]]:
    for view in base.__subclasses__():
        yield view
        yield from _views(view)


POSTS = [
    pytest.param(path, id=operation["operationId"])
    for path, method, operation in operations(whole())
    if method == "post"
    and "{" not in path
    and "application/json" in operation.get("requestBody", {}).get("content", {})
]


@pytest.mark.parametrize("path", POSTS)
def test_a_request_as_in_its_example_is_understood(path: str, cast: Cast, vision_process: Path, portraits: Any) -> None:
    """It may be refused for what it names (nobody is here, the picture shows no face), never for its form."""
    operation = whole()["paths"][path]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    client = APIClient() if operation["security"] == [{}] else caller(cast.ada)
    answer = client.post(path, example, format="json")
    assert answer.status_code != 400 or "owner" in answer.content.decode(), answer.content


def test_the_document_and_its_pages_come_from_here_alone(client: Any, db: None) -> None:
    for page in ("docs", "redoc"):
        answer = client.get(f"/api/v1/{page}/")
        assert answer.status_code == 200
        elsewhere = re.findall(r"""(?:src|href)=["'](https?://[^"']+)""", answer.content.decode())
        assert elsewhere == []
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "http" not in policy
