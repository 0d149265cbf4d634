"""What a portal page may load: our own files, and pictures that the page itself just took."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# Django admin and the API's documentation pages bring inline scripts of their own.
ELSEWHERE = ("/admin/", "/api/")
POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

# Those of the documentation too, so they may; but whoever reads it is no other server's business, and Redoc would fetch
# its maker's mark from one.
DOCUMENTATION = ("/api/v1/docs/", "/api/v1/redoc/")
DOCUMENTATION_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(DOCUMENTATION):
            response.headers.setdefault("Content-Security-Policy", DOCUMENTATION_POLICY)
        elif not request.path.startswith(ELSEWHERE):
            response.headers.setdefault("Content-Security-Policy", POLICY)
        return response
