"""How often a caller may ask."""

from rest_framework.throttling import AnonRateThrottle, UserRateThrottle


class CallerThrottle(UserRateThrottle):
    scope = "caller"


class SignInThrottle(AnonRateThrottle):
    scope = "sign-in"
