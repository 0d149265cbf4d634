"""Passkeys (WebAuthn level 2) by Yubico's fido2: what the browser is asked, and whether what it answers is right."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.http import HttpRequest
from django.http.request import split_domain_port
from django.utils import timezone
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    UserVerificationRequirement,
)

from heirloom.accounts.marks import mark
from heirloom.accounts.models import User
from heirloom.factors import services
from heirloom.factors.models import SecondFactor

_BAD_ANSWERS = (ValueError, KeyError, TypeError, AttributeError)


class PasskeyRefusedError(Exception):
    """What the browser answered is not right."""


def are_possible(request: HttpRequest) -> bool:
    """Say whether browsers let this address have passkeys: a name, by HTTPS, or localhost."""
    host = _host(request)
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure() or host == "localhost"
    return False


def begin_adding(request: HttpRequest, user: User) -> tuple[dict[str, Any], Any]:
    """Return what navigator.credentials.create is asked, and the state to keep until it answers."""
    entity = PublicKeyCredentialUserEntity(
        id=bytes.fromhex(mark("passkeys of", str(user.pk))),
        name=user.username,
        display_name=user.get_full_name() or user.username,
    )
    options, state = _server(request).register_begin(
        entity, credentials=list(_held(user).values()), user_verification=UserVerificationRequirement.PREFERRED
    )
    return dict(options)["publicKey"], state


def add(request: HttpRequest, user: User, *, state: Any, answer: Mapping[str, Any], name: str) -> SecondFactor:
    """Keep the passkey that a browser made; raises PasskeyRefusedError."""
    try:
        made = _server(request).register_complete(state, answer)
        if made.credential_data is None:
            raise PasskeyRefusedError
    except _BAD_ANSWERS as error:
        raise PasskeyRefusedError from error
    return services.add_passkey(user=user, name=name, credential=bytes(made.credential_data), count=made.counter)


def begin_showing(request: HttpRequest, user: User) -> tuple[dict[str, Any], Any] | None:
    """Return what navigator.credentials.get is asked, and the state to keep; None without a passkey."""
    held = _held(user)
    if not held:
        return None
    options, state = _server(request).authenticate_begin(
        list(held.values()), user_verification=UserVerificationRequirement.PREFERRED
    )
    return dict(options)["publicKey"], state


def check(request: HttpRequest, user: User, *, state: Any, answer: Mapping[str, Any]) -> None:
    """Take a passkey for shown; raises PasskeyRefusedError.

    A signature count that does not grow is of a copy; passkeys that are kept in several places count nothing and
    send 0 (WebAuthn, 6.1.1).
    """
    held = _held(user)
    try:
        response = AuthenticationResponse.from_dict(answer)
        used = _server(request).authenticate_complete(state, list(held.values()), response)
    except _BAD_ANSWERS as error:
        raise PasskeyRefusedError from error
    factor = next(one for one, credential in held.items() if credential.credential_id == used.credential_id)
    count = response.response.authenticator_data.counter
    if count == 0 and factor.last_count <= 0:
        SecondFactor.objects.filter(pk=factor.pk).update(used_at=timezone.now())
    elif not services.counted(factor=factor, count=count):
        raise PasskeyRefusedError


def _held(user: User) -> dict[SecondFactor, AttestedCredentialData]:
    rows = services.confirmed(user).filter(kind=SecondFactor.Kind.PASSKEY)
    return {row: AttestedCredentialData(services.secret_of(row)) for row in rows}


def _server(request: HttpRequest) -> Fido2Server:
    return Fido2Server(PublicKeyCredentialRpEntity(id=_host(request), name="Heirloom"), verify_origin=_is(request))


def _is(request: HttpRequest) -> Any:
    own = f"{request.scheme}://{request.get_host()}"
    return lambda origin: origin == own


def _host(request: HttpRequest) -> str:
    return split_domain_port(request.get_host())[0]
