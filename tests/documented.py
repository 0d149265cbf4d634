"""Holds every answer that the tests get from the API to the OpenAPI document: its status, its codes, its shape."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from jsonschema import FormatChecker
from openapi_schema_validator import OAS30Validator

# What any address may answer, as the document's introduction says.
ANYWHERE = {405, 406, 500}
OPEN = "code of this status in docs/errors.md"


def whole() -> dict[str, Any]:
    from heirloom.api.document import whole

    return whole()


class UndocumentedError(AssertionError):
    """The API answered what its document does not say."""


class DocumentedMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        found = operation(request.path_info, request.method or "") if request.path_info.startswith("/api/") else None
        if found is not None and response.status_code not in ANYWHERE and response.status_code != 304:
            check(f"{request.method} {request.path_info}", found, response, strict=declares(request))
        return response


def operation(path: str, method: str) -> tuple[str, str] | None:
    """Return the path and method under which the document holds a request; the path with fewest variables wins."""
    known = [one for one, pattern in _patterns() if pattern.fullmatch(path)]
    known = [one for one in known if method.lower() in whole()["paths"][one]]
    return (min(known, key=lambda one: one.count("{")), method.lower()) if known else None


def declares(request: HttpRequest) -> bool:
    """Say whether the view names its codes, and so promises that there are no others."""
    match = request.resolver_match
    return match is not None and hasattr(getattr(match.func, "cls", None), "refuses")


def check(name: str, found: tuple[str, str], response: Any, *, strict: bool) -> None:
    said = whole()["paths"][found[0]][found[1]]["responses"].get(str(response.status_code))
    if said is None:
        if response.status_code >= 400 and not strict:
            return
        raise UndocumentedError(f"{name} answered {response.status_code}, which the document does not list")
    if "application/json" not in said.get("content", {}):
        return
    body = json.loads(response.content)
    if problem := next(validator(*found, str(response.status_code)).iter_errors(body), None):
        raise UndocumentedError(f"{name} answered {response.status_code}: {problem.message} at {problem.json_path}")
    if response.status_code >= 400 and strict:
        _check_codes(name, said, {error["code"] for error in body["errors"]})


def _check_codes(name: str, said: Any, codes: set[str]) -> None:
    """Fields have checks of their own, whose codes are the framework's."""
    from heirloom.errors import CODES

    listed = set(said["content"]["application/json"]["examples"])
    if missing := (codes & set(CODES)) - listed:
        raise UndocumentedError(
            f"{name} answered {missing}, and the document lists {sorted(listed)}: see heirloom.api.refusals"
        )


@cache
def validator(path: str, method: str, status: str) -> Any:
    content = whole()["paths"][path][method]["responses"][status]["content"]["application/json"]
    return OAS30Validator({**content["schema"], "components": whole()["components"]}, format_checker=FormatChecker())


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(path, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for path in whole()["paths"]]
