"""The whole API, fuzzed by its own schema: nothing breaks, and no answer is outside of what the schema says.

FUZZ_EXAMPLES: how many requests of chance each operation gets beside those that try each of its constraints.
"""

import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from pytest_django import Settings
from rest_framework.serializers import BooleanField
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from bench.portraits import packaged
from heirloom.api.document import whole
from heirloom.uploads.arriving import CONTENT_TYPE
from tests.doors import API
from tests.house import House, build
from tests.pictures import b64, jpeg

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
CONFIG = schemathesis.Config.from_dict(
    {
        # The house is the same for all examples of an operation: each is undone.
        "suppress-health-check": ["all"],
        # Text with NUL, which PostgreSQL cannot hold, is refused everywhere (test_bad_input.py); no schema can say so.
        "generation": {"max-examples": EXAMPLES, "deterministic": True, "allow-x00": False, "database": "none"},
        # What a picture or an id must be beyond its form is no matter of a schema: 413, 415 and 422 say so.
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", "413", "415", "422", "429", "503"]
            },
            # 412 is what tus answers to a request without its version.
            "missing_required_header": {"expected-statuses": ["400", "401", "403", "406", "412", "415", "422"]},
        },
    }
)
# Where a request that fits the schema may be 400 all the same, and why no schema says so.
SAYS_MORE = {
    "/api/v1/api-keys/": "an admin must name a client app as the owner, with scopes that it has, and a time to come",
    "/api/v1/api-keys/{id}/": "likewise",
    "/api/v1/challenges/": "names the person once at most",
    "/api/v1/verifications/": "takes one picture, names the person once at most, and narrows only a search",
    "/api/v1/people/{id}/captures/": "takes files or an upload",
    "/api/v1/people/{id}/consents/": "a consent was given in the past",
    "/api/v1/imports/{id}/retry/": "files come in a form alone",
    "/api/v1/reviews/{id}/verdict/": "another reason than those listed is told in the comment",
    "/api/v1/webhooks/": "an app is told of its own verifications alone",
    "/api/v1/webhooks/{id}/": "likewise",
    **dict.fromkeys(
        ("/api/v1/uploads/", "/api/v1/uploads/{upload_id}/"), "tus: a checksum fits the bytes, a length the body"
    ),
    **dict.fromkeys(
        ("/api/v1/detect/", "/api/v1/detect-upload/", "/api/v1/compare/", "/api/v1/recognize/", "/api/v1/add-face/",
         "/api/v1/register-multiple/"),
        "a model must be installed; a consent was given in the past",
    ),
}  # fmt: skip
schema = schemathesis.openapi.from_wsgi(f"{API}schema/?format=json", get_wsgi_application(), config=CONFIG)
# Small, so that each is looked at quickly.
PHOTOS = [jpeg(portrait.pillow().resize((192, 192))) for portrait in packaged().values()]
schemathesis.serializer.alias(CONTENT_TYPE, "application/octet-stream")
schemathesis.openapi.format("byte", st.sampled_from(PHOTOS).map(b64))


@pytest.fixture
def house(db: None, vision_process: Any, settings: Settings) -> Iterator[House]:
    settings.WEBHOOK_LOOPBACK_TARGETS = True
    built = build()
    built.callers["admin"].get("/livez")  # signed in now: the test client connects these signals after each request
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield built
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)
    # The files of forms that were never whole are left to the collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@schema.parametrize()
def test_every_operation(case: Any, house: House) -> None:
    token = house.callers["admin"]._credentials["HTTP_AUTHORIZATION"]
    ids = list(case.path_parameters or ())
    if ids and not case.meta.is_negative_at(ParameterLocation.PATH) and len(case.path_parameters[ids[0]]) % 2 == 0:
        found = house.thing(case.operation.path.partition("{")[0], house.things["cleo"])
        case.path_parameters = {**dict.fromkeys(ids, "0"), ids[0]: found}
    with transaction.atomic():
        try:
            case.call_and_validate(headers={"Authorization": token}, excluded_checks=list(left_out(case)))
        finally:
            transaction.set_rollback(True)


def left_out(case: Any) -> Iterator[Any]:
    if case.operation.path in SAYS_MORE:
        yield positive_data_acceptance
    if is_valid_as_read(case):
        yield negative_data_rejection


def is_valid_as_read(case: Any) -> bool:
    """Say whether what breaks the schema is read as what would not.

    Numbers are taken for text, "1" for a number and 0 for false, as forms send them; text is trimmed; a query without a
    value asks for nothing, and one that nobody knows is not read.
    """
    operation = whole()["paths"][case.operation.path][case.operation.method]
    known = {one["name"]: one["schema"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    sent = {name: value for name, value in dict(case.query or {}).items() if name in known and value not in ("", None)}
    if not all(fits(value, known[name]) for name, value in sent.items()):
        return False
    body = operation.get("requestBody", {}).get("content", {}).get(case.media_type)
    return body is None or fits(case.body, body["schema"])


def fits(value: Any, schema: dict[str, Any]) -> bool:
    resolved = {**schema, "components": whole()["components"]}
    return not any(OAS30Validator(resolved).iter_errors(as_read(value, schema)))


def as_read(value: Any, schema: dict[str, Any]) -> Any:
    """Return a value as the API reads it where a schema stands."""
    if "$ref" in schema:
        return as_read(value, whole()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if isinstance(value, dict):
        return {name: as_read(inner, schema.get("properties", {}).get(name, {})) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_read(inner, schema.get("items", {})) for inner in value]
    return READ.get(schema.get("type", ""), lambda one: one)(value)


def text(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value.strip() if isinstance(value, str) else value


def number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def truth(value: Any) -> Any:
    known = BooleanField.TRUE_VALUES | BooleanField.FALSE_VALUES
    return value in BooleanField.TRUE_VALUES if isinstance(value, str | int) and value in known else value


READ = {"string": text, "number": number, "integer": number, "boolean": truth}
