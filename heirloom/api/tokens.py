"""/auth/: a password for tokens."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from heirloom.accounts.models import User
from heirloom.api.throttles import RefreshThrottle, SignInThrottle
from heirloom.audit import sign_ins


class SignInSerializer(TokenObtainPairSerializer):
    """A username and password in, tokens out; the audit log hears of it either way."""

    @classmethod
    def get_token(cls, user: Any) -> Token:
        if user.must_change_password:
            raise AuthenticationFailed(
                "This password was given by somebody else: sign in at /sign-in/ and change it first.",
                "password_change_required",
            )
        return super().get_token(user)

    def validate(self, attrs: dict[str, Any]) -> dict[str, str]:
        try:
            tokens = super().validate(attrs)
        except AuthenticationFailed as error:
            request, username = self.context["request"], attrs[self.username_field]
            sign_ins.failed(request=request, username=username, door="api", reason=str(error.get_codes()))
            raise
        if isinstance(self.user, User):
            sign_ins.succeeded(user=self.user, door="api")
        return tokens


class TokensAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as Authorization: Bearer <access>; it is good for minutes.")
    refresh = serializers.CharField(help_text="Good for one refresh.")


@extend_schema_view(post=extend_schema(responses=TokensAnswer))
class TokenView(TokenObtainPairView):
    """Trade a username and password for an access and a refresh token."""

    serializer_class = SignInSerializer
    refuses = ("no_active_account", "password_change_required")
    throttle_classes = [SignInThrottle]


@extend_schema_view(post=extend_schema(responses=TokensAnswer))
class RefreshView(TokenRefreshView):
    """Trade a refresh token for new ones; the old one ends."""

    refuses = ("token_not_valid",)
    throttle_classes = [RefreshThrottle]
