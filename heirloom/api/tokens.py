"""/auth/: a password for tokens."""

from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from heirloom.api.throttles import RefreshThrottle, SignInThrottle


class TokenView(TokenObtainPairView):
    """Trade a username and password for an access and a refresh token."""

    throttle_classes = [SignInThrottle]


class RefreshView(TokenRefreshView):
    """Trade a refresh token for new ones; the old one ends."""

    throttle_classes = [RefreshThrottle]
