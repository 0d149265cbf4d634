"""Who is asking: a token of ours or of another issuer, or the key of a client app without either."""

from django.conf import settings
from django.core.cache import cache
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from heirloom.accounts import tried
from heirloom.accounts.models import User
from heirloom.api import families, keys, outside
from heirloom.api.jwts import TokenRefusedError, issuer_claimed
from heirloom.api.throttles import RefusedKeyThrottle, RefusedTokenThrottle
from heirloom.errors import CODES

HEADER = "X-API-Key"
SCHEME = b"bearer"
NOTED_EVERY_S = 15 * 60


def holder(token: bytes) -> User:
    """Return the login that a token speaks for: one of ours, or of the issuer that OIDC_ISSUER names.

    Who made it is read from the token only to choose who verifies it, by keys and rules of their own.
    Raises TokenRefusedError, and Refusal "issuer_unavailable".
    """
    if settings.OIDC_ISSUER and issuer_claimed(token) == settings.OIDC_ISSUER:
        return outside.holder(token)
    return families.holder(token)


def refused(name: str) -> AuthenticationFailed:
    """Return the 401 of a code."""
    return AuthenticationFailed(words(name), name)


def words(name: str) -> str:
    """Return what a caller is told by a code, with what to do."""
    code = CODES[name]
    return f"{code.text} {code.remedy}"


class TokenAuthentication(BaseAuthentication):
    """Authorization: Bearer. Every token that opens nothing meets the same 401, whatever is wrong with it.

    Too many refused tokens from one address meet 429 instead; a good token from there still passes.
    """

    also_refuses = ("issuer_unavailable",)

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME:
            return None
        try:
            return holder(token.strip()), None
        except TokenRefusedError as error:
            _count(request, RefusedTokenThrottle())
            raise refused("token_not_valid") from error

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


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
        except keys.KeyRefusedError as error:
            _count(request, RefusedKeyThrottle())
            _note(request, error)
            raise refused("invalid_api_key") from error

    def authenticate_header(self, request: Request) -> str:
        return HEADER


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = TokenAuthentication
    name = "jwtAuth"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token of auth/token/, or of the issuer that this installation trusts.",
        }


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


def _count(request: Request, throttle: RefusedKeyThrottle) -> None:
    if not throttle.allow_request(request, None):  # type: ignore[arg-type]
        raise Throttled(throttle.wait())


def _note(request: Request, refused: keys.KeyRefusedError) -> None:
    """Audit a refused key once a while for each address, key and reason: an app left behind must not fill the log."""
    told = f"refused-key:{tried.address(request._request)}:{refused.key_id}:{refused.reason}"
    if cache.add(told, 1, timeout=NOTED_EVERY_S):
        keys.note_refused(refused)
