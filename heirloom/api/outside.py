"""Logins of another issuer: a row of ours from the first use on, with the roles that the token or an admin gives."""

from collections.abc import Collection

from django.conf import settings
from django.db import transaction

from heirloom.accounts import services as accounts
from heirloom.accounts.models import OutsideLogin, User
from heirloom.api import oidc
from heirloom.api.jwts import TokenRefusedError
from heirloom.api.oidc import Claims
from heirloom.locks import hold


def holder(raw: bytes) -> User:
    """Return the login that a token of the issuer speaks for, made here if it is the first.

    Its roles are those of the token, where OIDC_ROLES_CLAIM names them, else those that an admin gave it.
    Raises TokenRefusedError, for a login that is switched off here too, and Refusal "issuer_unavailable".
    """
    claims = oidc.claims_of(raw)
    user = _holder(claims)
    user.signed_in_at = claims.signed_in_at
    return user


def _holder(claims: Claims) -> User:
    login = _known(claims.subject) or _first(claims)
    user = login.user
    if not user.is_active:
        raise TokenRefusedError
    if claims.roles is None or claims.roles == user.roles:
        return user
    if claims.issued_at >= login.roles_as_of:
        return _follow(login, claims)
    # A token from before the last change gives back nothing that was taken since.
    return user.with_only(claims.roles)


@transaction.atomic
def grant(*, subject: str, roles: Collection[str] | None, scopes: Collection[str]) -> User:
    """Give a login of the issuer its scopes, and roles if any are named; it is made here if it was never used."""
    hold([f"outside login: {subject}"])
    login = _known(subject) or _made(subject, "")
    given = login.user.roles if roles is None else roles
    accounts.set_roles(user=login.user, roles=given, scopes=scopes, via="outside_login")
    return login.user


def _known(subject: str) -> OutsideLogin | None:
    found = OutsideLogin.objects.filter(issuer=settings.OIDC_ISSUER, subject=subject)
    return found.select_related("user").first()


@transaction.atomic
def _first(claims: Claims) -> OutsideLogin:
    """Make a login, unless another request of it comes first: a refused INSERT would be told with its mail address."""
    hold([f"outside login: {claims.subject}"])
    return _known(claims.subject) or _made(claims.subject, claims.email)


@transaction.atomic
def _made(subject: str, email: str) -> OutsideLogin:
    return accounts.create_outside_login(issuer=settings.OIDC_ISSUER, subject=subject, email=email)


@transaction.atomic
def _follow(login: OutsideLogin, claims: Claims) -> User:
    held = OutsideLogin.objects.select_for_update(of=("self",)).select_related("user").get(pk=login.pk)
    roles = claims.roles or frozenset()
    if claims.issued_at < held.roles_as_of:
        return held.user.with_only(roles)
    if held.user.roles != roles:
        accounts.set_roles(user=held.user, roles=roles, as_of=claims.issued_at, via="token")
    return User.objects.get(pk=held.user_id)
