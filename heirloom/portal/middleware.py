"""What browsers and caches may do with our answers."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

POLICY = (
    "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)

# Its look evaluates the expressions that its pages name (Alpine) and sets styles by script; no script stands in a page.
ADMIN = "/admin/"
ADMIN_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

# The documentation brings inline scripts of its own, so it may; but whoever reads it is no other server's business, and
# Redoc would fetch its maker's mark from one.
DOCUMENTATION = ("/api/v1/docs/", "/api/v1/redoc/")
DOCUMENTATION_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

# What answers of the API are for: no page.
API = "/api/"
API_POLICY = "default-src 'none'; frame-ancestors 'none'"

# The same for everybody; all else is somebody's, or about somebody.
PUBLIC = (*DOCUMENTATION, "/api/v1/schema/", "/api/v1/postman/")

_NOWHERE = (
    "accelerometer", "autoplay", "browsing-topics", "display-capture", "geolocation", "gyroscope", "hid",
    "idle-detection", "local-fonts", "magnetometer", "microphone", "midi", "payment", "screen-wake-lock", "serial",
    "usb", "window-management", "xr-spatial-tracking",
)  # fmt: skip
_OF_PORTAL = ("camera", "publickey-credentials-create", "publickey-credentials-get")
_FORBIDDEN = ", ".join(f"{feature}=()" for feature in _NOWHERE)
PORTAL_FEATURES = f"{', '.join(f'{feature}=(self)' for feature in _OF_PORTAL)}, {_FORBIDDEN}"
OTHER_FEATURES = f"{', '.join(f'{feature}=()' for feature in _OF_PORTAL)}, {_FORBIDDEN}"
View = Callable[[HttpRequest], HttpResponse]


class NoStoreMiddleware:
    """Nobody keeps what is somebody's: no proxy, and no browser that another person opens after this one."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        path = request.path_info
        if not path.startswith((settings.STATIC_URL, *PUBLIC)) and "no-store" not in response.get("Cache-Control", ""):
            response.headers["Cache-Control"] = "private, no-store"
        return response


class ContentSecurityPolicyMiddleware:
    """What a page may load, and which parts of the machine it may use: the camera in the portal alone."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy(request.path_info))
        in_portal = not request.path_info.startswith((ADMIN, API))
        response.headers.setdefault("Permissions-Policy", PORTAL_FEATURES if in_portal else OTHER_FEATURES)
        return response


def _policy(path: str) -> str:
    if path.startswith(DOCUMENTATION):
        return DOCUMENTATION_POLICY
    if path.startswith(API):
        return API_POLICY
    return ADMIN_POLICY if path.startswith(ADMIN) else POLICY
