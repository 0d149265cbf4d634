"""What becomes of addresses before any view sees them."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, JsonResponse

from heirloom.api.errors import body
from heirloom.api.throttles import BUDGET
from heirloom.errors import CODES

MOST_PARAMETERS = 100


class NulMiddleware:
    """Refuse a NUL character in an address: PostgreSQL has no such text, so no look-up could take it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "%00" not in request.META.get("QUERY_STRING", "") and "\0" not in request.path_info:
            return self.get_response(request)
        words = "The address may not hold NUL characters."
        if request.path_info.startswith("/api/"):
            return JsonResponse(body("validation_error", words, status=400), status=400)
        raise BadRequest(words)


class QueryMiddleware:
    """Refuse an address of more parameters than any of ours, before any view takes them apart."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("QUERY_STRING", "").count("&") < MOST_PARAMETERS:
            return self.get_response(request)
        code = CODES["too_many_items"]
        if request.path_info.startswith("/api/"):
            told = body("too_many_items", f"{code.text} {code.remedy}", status=code.status)
            return JsonResponse(told, status=code.status)
        raise BadRequest(code.text)


class ApiSlashMiddleware:
    """Read a path below /api/ as if it ended in a slash, so that no POST is redirected and loses its body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
            request.path_info += "/"
            request.path += "/"
        return self.get_response(request)


class RateLimitMiddleware:
    """Tell a caller what is left of its points (draft-ietf-httpapi-ratelimit-headers), for information alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        budget = request.META.get(BUDGET)
        if budget is not None:
            own = budget.own
            response["RateLimit-Policy"] = f'"cost";q={own.most};w={own.window_s}'
            response["RateLimit"] = f'"cost";r={max(own.left, 0)};t={own.reset_s}'
        return response
