"""/auth/: a password for tokens, a refresh token for the next ones, and the end of them."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.serializers import TokenObtainSerializer
from rest_framework_simplejwt.views import TokenViewBase

from heirloom.accounts import gate, tried
from heirloom.accounts.marks import network
from heirloom.accounts.models import User
from heirloom.api import families
from heirloom.api.authentication import refused, words
from heirloom.api.families import Pair
from heirloom.api.jwts import TokenRefusedError
from heirloom.api.throttles import RefreshThrottle, SignInThrottle
from heirloom.audit import sign_ins
from heirloom.errors import Refusal
from heirloom.factors import services as factors

# Nobody on the way may keep what opens the API (RFC 6749, 5.1).
_NO_STORE = {"Cache-Control": "no-store"}


class SignInInput(serializers.Serializer[Any]):
    username = serializers.CharField()
    password = serializers.CharField()
    otp = serializers.CharField(
        required=False, help_text="The code of an app, or a recovery code, where the login has a second factor."
    )


class RefreshInput(serializers.Serializer[Any]):
    refresh = serializers.CharField()


class TokensAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="To send as Authorization: Bearer.")
    refresh = serializers.CharField(help_text="To trade for the next two, once.")


class SignInSerializer(TokenObtainSerializer):
    """A username and password in, tokens out; the audit log hears of it either way."""

    default_error_messages = {"no_active_account": words("no_active_account")}
    otp = serializers.CharField(required=False, max_length=40)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        request, username = self.context["request"], attrs[self.username_field]
        attempt = _begun(request, username)
        try:
            super().validate(attrs)
            user = cast(User, self.user)
            _require_own_password(user)
        except AuthenticationFailed as error:
            sign_ins.failed(request=request, username=username, door="api", reason=str(error.get_codes()))
            for by in attempt.closed:
                sign_ins.limited(username=username, door="api", by=by)
            raise
        attempt.succeeded()
        _require_second_factor(request, user, attrs.get("otp", ""))
        sign_ins.succeeded(user=user, door="api")
        return _told(families.begin(user=user))


class TokenView(TokenViewBase):
    """Trade a username and password for an access and a refresh token."""

    serializer_class = SignInSerializer
    refuses = (
        "no_active_account",
        "password_change_required",
        "second_factor_required",
        "second_factor_wrong",
        "second_factor_missing",
        "too_many_tries",
    )
    throttle_classes = [SignInThrottle]

    @extend_schema(request=SignInInput, responses=TokensAnswer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(given.validated_data, headers=_NO_STORE)


class RefreshView(TokenViewBase):
    """Trade a refresh token for new ones; the old one ends. Sent again later, it ends all that came of its sign-in."""

    serializer_class = RefreshInput
    refuses = ("token_not_valid",)
    throttle_classes = [RefreshThrottle]

    @extend_schema(request=RefreshInput, responses=TokensAnswer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            return Response(_told(families.refresh(token=given.validated_data["refresh"])), headers=_NO_STORE)
        except TokenRefusedError as error:
            raise refused("token_not_valid") from error


class RevokeView(TokenViewBase):
    """Sign out: end a refresh token and all else that came of its sign-in. What is no good token changes nothing."""

    serializer_class = RefreshInput
    refuses = ()
    throttle_classes = [RefreshThrottle]

    @extend_schema(request=RefreshInput, responses={204: None})
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        families.end(token=given.validated_data["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


def _begun(request: Request, username: str) -> gate.Try:
    """Count the try before the password is looked at."""
    try:
        return gate.begin(request._request, username)
    except gate.LimitedError as limited:
        raise Refusal("too_many_tries", retry_after=limited.wait_s) from limited


def _require_own_password(user: User) -> None:
    if user.must_change_password:
        raise refused("password_change_required")


def _require_second_factor(request: Request, user: User, code: str) -> None:
    """Let nobody past a second factor by asking for a token: with one, a code of it comes along."""
    if not factors.is_asked_of(user):
        if factors.is_required_of(user):
            raise refused("second_factor_missing")
        return
    if not code:
        raise refused("second_factor_required")
    try:
        attempt = gate.begin_code(str(user.pk), network(tried.address(request._request)))
    except gate.LimitedError as limited:
        raise Refusal("too_many_tries", retry_after=limited.wait_s) from limited
    if not factors.check(user=user, code=code):
        sign_ins.failed(request=request, username=user.username, door="api", reason="second_factor_wrong")
        raise refused("second_factor_wrong")
    attempt.succeeded()


def _told(pair: Pair) -> dict[str, str]:
    return {"access": pair.access, "refresh": pair.refresh}
