"""X-API-Key: a client app without a password or token."""

from django.core.cache import cache
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from heirloom.accounts import tried
from heirloom.accounts.models import User
from heirloom.api import keys
from heirloom.api.throttles import RefusedKeyThrottle
from heirloom.errors import CODES

HEADER = "X-API-Key"
NOTED_EVERY_S = 15 * 60


class ApiKeyAuthentication(BaseAuthentication):
    """The caller is the key's owner, narrowed to the key. Every key that opens nothing meets the same 401.

    Too many refused keys from one address meet 429 instead; a good key from there still passes.
    """

    also_refuses = ("invalid_api_key",)

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        sent = request.headers.get(HEADER)
        if sent is None:
            return None
        try:
            return keys.holder(sent), None
        except keys.KeyRefusedError as refused:
            _count(request)
            _note(request, refused)
            code = CODES["invalid_api_key"]
            raise AuthenticationFailed(f"{code.text} {code.remedy}", "invalid_api_key") from refused

    def authenticate_header(self, request: Request) -> str:
        return HEADER


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": HEADER,
            "description": "A key of a client app: hl_<prefix>_<secret>, made at api-keys/.",
        }


def _count(request: Request) -> None:
    throttle = RefusedKeyThrottle()
    if not throttle.allow_request(request, None):  # type: ignore[arg-type]
        raise Throttled(throttle.wait())


def _note(request: Request, refused: keys.KeyRefusedError) -> None:
    """Audit a refused key once a while for each address, key and reason: an app left behind must not fill the log."""
    told = f"refused-key:{tried.address(request._request)}:{refused.key_id}:{refused.reason}"
    if cache.add(told, 1, timeout=NOTED_EVERY_S):
        keys.note_refused(refused)
