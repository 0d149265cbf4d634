"""The last step of the OpenAPI document: what all operations share, and an example wherever one is missing."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from heirloom.api import refusals
from heirloom.api.examples import Examples

DESCRIPTION = """\
Verify and identify people by photo or clip, enroll them, follow each attempt to its outcome.

Send `Authorization: Bearer <access>` (from `auth/token/`) or `X-API-Key`. Every address answers with and without its
last slash. Times are RFC 3339 in UTC, ids are UUIDs. Every error has the shape of `Error`; branch on `code`. Each
answer below lists the codes that an operation gives; any may also answer 405, 406, and 500 `internal_error`. An answer
429 or 503 says in `Retry-After` how many seconds to wait.
"""
TAGS = {
    "auth": "A password for tokens.",
    "computation": "Computed and answered in the call; nothing of it is kept.",
    "people": "Who may be enrolled, their consents, pictures and templates.",
    "verifications": "Who is it, or is it who they say: followed until it is decided, by the machine or a reviewer.",
    "reviews": "Cases that wait for a human.",
    "uploads": "Large files in pieces, resumed where they broke off (tus 1.0).",
    "imports": "Many people at once.",
    "webhooks": "Servers that are told of decisions, and what they were sent.",
    "api-keys": "How client apps call without a password.",
    "jobs": "Work that is done later.",
}
VERBS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


def finish(result: dict[str, Any], **_more: Any) -> dict[str, Any]:
    """Return the document with its introduction, tags, the shape of errors, and examples."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = refusals.ERROR
    for schema in schemas.values():
        _let_be_null(schema)
    named = {tag for _, _, operation in operations(result) for tag in operation.get("tags", [])}
    result["info"]["description"] = DESCRIPTION
    result["tags"] = [
        {"name": tag, **({"description": TAGS[tag]} if tag in TAGS else {})}
        for tag in sorted(named, key=lambda tag: (list(TAGS).index(tag) if tag in TAGS else len(TAGS), tag))
    ]
    examples = Examples(schemas)
    for _, _, operation in operations(result):
        _show(operation, examples)
    for schema in schemas.values():
        schema.pop("example", None)
    components["examples"] = _used(result)
    return result


@cache
def whole() -> dict[str, Any]:
    """Return the document of all endpoints, made once for each process; do not change it."""
    return dict(SchemaGenerator().get_schema(request=None, public=True))  # type: ignore[no-untyped-call]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give path, method and operation of all that the document holds."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in VERBS:
                yield path, method, operation


def _let_be_null(schema: dict[str, Any]) -> None:
    """Write a nullable reference as a choice: beside `allOf` the word nullable lets no null through (OpenAPI 3.0.3)."""
    for name, part in schema.get("properties", {}).items():
        if part.get("nullable") and "allOf" in part:
            rest = {key: value for key, value in part.items() if key not in {"nullable", "allOf"}}
            schema["properties"][name] = {**rest, "oneOf": [*part["allOf"], {"enum": [None]}]}


def _show(operation: dict[str, Any], examples: Examples) -> None:
    """Put an example at every body and parameter that has none."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        if _wants(media):
            media["example"] = examples.request(media["schema"], media_type=media_type)
    for answer in operation["responses"].values():
        for media in answer.get("content", {}).values():
            if _wants(media):
                media["example"] = examples.answer(media["schema"])
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path" and "example" not in parameter:
            parameter["example"] = examples.value(parameter["name"], parameter["schema"])


def _wants(media: Mapping[str, Any]) -> bool:
    binary = media.get("schema", {}).get("format") == "binary"
    return not binary and "example" not in media and "examples" not in media


def _used(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the example errors that some operation refers to."""
    used = {
        name
        for _, _, operation in operations(document)
        for answer in operation["responses"].values()
        for media in answer.get("content", {}).values()
        for name, example in media.get("examples", {}).items()
        if "$ref" in example
    }
    return {name: example for name, example in refusals.examples().items() if name in used}
