"""Every error in one shape: {"type", "errors": [{"code", "detail", "attr"}]}."""

from typing import Any

from drf_standardized_errors.handler import exception_handler
from rest_framework.response import Response

from heirloom.errors import Refusal

RETRY_AFTER_S = 5


def handle(error: Exception, context: Any) -> Response | None:
    """Answer a Refusal with its code and status, and anything else as drf-standardized-errors does."""
    if isinstance(error, Refusal):
        return _refused(error)
    return exception_handler(error, context)


def body(code: str, detail: str, *, status: int, attr: str | None = None) -> dict[str, Any]:
    return {"type": _kind(status), "errors": [{"code": code, "detail": detail, "attr": attr}]}


def _refused(refusal: Refusal) -> Response:
    status = refusal.status
    headers = {"Retry-After": str(refusal.retry_after or RETRY_AFTER_S)} if status == 503 else {}
    detail = f"{refusal.detail} {refusal.entry.remedy}"
    return Response(body(refusal.code, detail, status=status, attr=refusal.attr), status=status, headers=headers)


def _kind(status: int) -> str:
    if status >= 500:
        return "server_error"
    return "validation_error" if status in {400, 422} else "client_error"
