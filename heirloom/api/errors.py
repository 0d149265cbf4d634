"""Every error in one shape: {"type", "errors": [{"code", "detail", "attr"}]}."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from drf_standardized_errors.handler import exception_handler
from rest_framework.response import Response

from heirloom.errors import CODES, Refusal

RETRY_AFTER_S = 5
logger = logging.getLogger(__name__)


def handle(error: Exception, context: Any) -> Response | None:
    """Answer a Refusal with its code and status, and anything else as drf-standardized-errors does."""
    if isinstance(error, Refusal):
        return _refused(error)
    if isinstance(error, OperationalError | InterfaceError):
        logger.error("the database did not answer: %s", type(error).__name__)
        return _refused(Refusal("database_unavailable"))
    return exception_handler(error, context)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that is nowhere; below /api/ in the shape of the API."""
    return _plain("not_found") if _is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what nothing else caught, as page_not_found does."""
    return _plain("internal_error") if _is_api(request) else defaults.server_error(request)


def body(code: str, detail: str, *, status: int, attr: str | None = None) -> dict[str, Any]:
    return {"type": _kind(status), "errors": [{"code": code, "detail": detail, "attr": attr}]}


def _refused(refusal: Refusal) -> Response:
    status = refusal.status
    later = refusal.retry_after or (RETRY_AFTER_S if status in {429, 503} else None)
    headers = {"Retry-After": str(later)} if later else {}
    detail = f"{refusal.detail} {refusal.entry.remedy}"
    return Response(body(refusal.code, detail, status=status, attr=refusal.attr), status=status, headers=headers)


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _plain(code: str) -> HttpResponse:
    entry = CODES[code]
    return JsonResponse(body(code, f"{entry.text} {entry.remedy}", status=entry.status), status=entry.status)


def _kind(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "validation_error" if status in {400, 422} else "client_error"
