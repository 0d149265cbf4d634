"""Every path of the API answers with and without its trailing slash."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ApiSlashMiddleware:
    """Read a path below /api/ as if it ended in a slash, so that no POST is redirected and loses its body."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
            request.path_info += "/"
            request.path += "/"
        return self.get_response(request)
