"""The OpenAPI document as a Postman collection (format 2.1): a folder for each tag, a request for each operation.

Variables: base_url, username, password, token and api_key; signing in stores the token.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from heirloom.api.document import operations, whole

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
VARIABLES = {
    "base_url": "http://127.0.0.1:8000",
    "username": "",
    "password": "",
    "token": "",
    "api_key": "",
}
SIGN_IN = "auth_token"
# What a successful sign-in runs in Postman, so that the next request carries its token.
KEEP_TOKEN = ['if (pm.response.code === 200) pm.collectionVariables.set("token", pm.response.json().access);']
JSON = "application/json"
Json = dict[str, Any]


class PostmanView(APIView):
    """The collection, to import by its address; like the OpenAPI document it says nothing of anybody."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(collection(whole()))


def collection(document: Mapping[str, Any]) -> Json:
    """Return the collection of a whole OpenAPI document."""
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"].get("description", ""),
            "schema": FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": key, "value": value, "type": "string"} for key, value in VARIABLES.items()],
        "item": [folder for folder in _folders(document) if folder["item"]],
    }


def _folders(document: Mapping[str, Any]) -> Iterator[Json]:
    for tag in document["tags"]:
        items = [
            _item(path, method, operation, document)
            for path, method, operation in operations(document)
            if tag["name"] in operation["tags"]
        ]
        yield {"name": tag["name"], "description": tag.get("description", ""), "item": items}


def _item(path: str, method: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> Json:
    request = _request(path, method, operation)
    item = {"name": operation["summary"], "request": request, "response": list(_answers(request, operation, document))}
    if operation["operationId"] == SIGN_IN:
        item["event"] = [{"listen": "test", "script": {"type": "text/javascript", "exec": KEEP_TOKEN}}]
    return item


def _request(path: str, method: str, operation: Mapping[str, Any]) -> Json:
    parameters = operation.get("parameters", [])
    security = operation["security"]
    header = [
        {"key": one["name"], "value": "{{$guid}}", "description": one.get("description", "")}
        for one in parameters
        if one["in"] == "header"
    ]
    if {"apiKey": []} in security:
        header.append(
            {"key": "X-API-Key", "value": "{{api_key}}", "disabled": True, "description": "In place of the token."}
        )
    body, kind = _body(operation)
    request: Json = {
        "method": method.upper(),
        "header": [*header, *([{"key": "Content-Type", "value": kind}] if kind == JSON else [])],
        "url": _url(path, parameters),
        "description": operation["description"],
    }
    if body:
        request["body"] = body
    if security == [{}]:
        request["auth"] = {"type": "noauth"}
    return request


def _url(path: str, parameters: list[Json]) -> Json:
    """Return the address; what stands in braces becomes a variable of the path, and filters wait to be switched on."""
    within = [one for one in parameters if one["in"] == "path"]
    query = [
        {"key": one["name"], "value": "", "disabled": True, "description": one.get("description", "")}
        for one in parameters
        if one["in"] == "query"
    ]
    steps = [f":{step[1:-1]}" if step.startswith("{") else step for step in path.strip("/").split("/")]
    return {
        "raw": "{{base_url}}/" + "/".join(steps) + "/",
        "host": ["{{base_url}}"],
        "path": [*steps, ""],
        **({"query": query} if query else {}),
        **(
            {"variable": [{"key": one["name"], "value": str(one.get("example", ""))} for one in within]}
            if within
            else {}
        ),
    }


def _body(operation: Mapping[str, Any]) -> tuple[Json | None, str]:
    """Return the example body and its type: a form where files are sent, else JSON."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind in ("multipart/form-data", JSON):
        if kind in content:
            example = content[kind].get("example")
            return (_form(example) if kind != JSON else _raw(example)), kind
    # Pieces of a file, as in a resumable upload.
    return ({"mode": "file", "file": {"src": None}}, "") if content else (None, "")


def _form(example: Any) -> Json:
    fields: list[Json] = []
    for name, value in (example or {}).items():
        if name in {"file", "files", "photos"}:
            fields.append({"key": name, "type": "file", "src": None})
        else:
            fields.append(
                {"key": name, "type": "text", "value": value if isinstance(value, str) else json.dumps(value)}
            )
    return {"mode": "formdata", "formdata": fields}


def _raw(example: Any) -> Json:
    if isinstance(example, dict) and {"username", "password"} <= set(example):
        example = {**example, "username": "{{username}}", "password": "{{password}}"}
    return {"mode": "raw", "raw": json.dumps(example, indent=2), "options": {"raw": {"language": "json"}}}


def _answers(request: Json, operation: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Json]:
    """Give the examples of what is answered: each success, and the first error of each status."""
    for status, answer in operation["responses"].items():
        media = answer.get("content", {}).get(JSON, {})
        for name, value in _examples(media, document):
            yield {
                "name": f"{status} {name}".strip(),
                "originalRequest": request,
                "code": int(status),
                "header": [{"key": "Content-Type", "value": JSON}],
                "_postman_previewlanguage": "json",
                "body": json.dumps(value, indent=2),
            }


def _examples(media: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if "example" in media:
        yield "", media["example"]
    for name, example in list(media.get("examples", {}).items())[:1]:
        known = document["components"].get("examples", {})
        yield name, (known[name] if "$ref" in example else example)["value"]
