"""How often a caller may ask."""

from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class CallerThrottle(UserRateThrottle):
    scope = "caller"


class SignInThrottle(AnonRateThrottle):
    scope = "sign-in"


class RefreshThrottle(AnonRateThrottle):
    """A refresh guesses at nothing, so it does not use up the sign-ins of everybody else behind the same address."""

    scope = "refresh"
