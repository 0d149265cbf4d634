"""The keys that another issuer publishes: fetched rarely, kept for ten minutes, each for one algorithm."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

import httpx
import jwt
from django.conf import settings

from heirloom import bounded_json
from heirloom.errors import Refusal

logger = logging.getLogger(__name__)

KEEP_S = 600.0
# From this age on they are fetched anew when one is needed, while those at hand still serve.
RENEW_S = 300.0
# Whatever is sent here, the issuer is asked this often at most by one process: names of keys can be made up.
AGAIN_S = 10.0
WITHIN_S = 5.0
STEP_S = 3.0
MOST_BYTES = 256 * 1024
MOST_KEYS = 50
# Of a set of keys or a discovery document.
MOST_ITEMS = 2000
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
# Parts of keys that nobody may publish: a secret one, or the private half of a pair.
SECRET_PARTS = {"k", "d"}
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/.well-known/jwks.json"


class Keys:
    """Keys by their names. One thread at a time fetches; others wait only if they have none to go on with."""

    def __init__(self, fetch: Callable[[], Mapping[str, jwt.PyJWK]]) -> None:
        self._fetch, self._lock = fetch, threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = self._asked_at = -math.inf
        self._away = False

    def find(self, kid: str) -> jwt.PyJWK | None:
        """Return the key of this name, None if the issuer has none.

        Raises Refusal "issuer_unavailable" if it is not known here and the issuer does not answer.
        """
        found = self._known(kid)
        if found is not None and self._age() < RENEW_S:
            return found
        if self._lock.acquire(blocking=found is None):
            try:
                self._renew(kid)
            finally:
                self._lock.release()
        found = self._known(kid)
        if found is None and self._away:
            raise unavailable()
        return found

    def _known(self, kid: str) -> jwt.PyJWK | None:
        return self._keys.get(kid) if self._age() < KEEP_S else None

    def _age(self) -> float:
        return time.monotonic() - self._fetched_at

    def _renew(self, kid: str) -> None:
        served = self._known(kid) is not None and self._age() < RENEW_S  # another thread was faster
        if served or time.monotonic() - self._asked_at < AGAIN_S:
            return
        try:
            self._keys = self._fetch()
        except Refusal:
            self._away = True
            return
        finally:
            self._asked_at = time.monotonic()  # from its end: a slow issuer is not asked again by all who waited
        self._fetched_at, self._away = time.monotonic(), False


def published() -> dict[str, jwt.PyJWK]:
    """Fetch what the issuer publishes and return what of it can verify a token, by name.

    Raises Refusal "issuer_unavailable".
    """
    address = settings.OIDC_JWKS_URL or _discovered()
    told = _fetched(address)
    if not isinstance(told, dict) or not isinstance(told.get("keys"), list):
        raise _failed(address, "no set of keys")
    usable: dict[str, jwt.PyJWK] = {}
    for one in told["keys"][:MOST_KEYS]:
        key = _usable(one)
        if key is not None and key.key_id is not None:
            usable.setdefault(key.key_id, key)
    return usable


def may_be_asked(address: str) -> bool:
    """Say whether an address may be asked for keys: by HTTPS, or this machine by HTTP where OIDC_LOOPBACK says so."""
    try:
        parsed = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    if not parsed.host or parsed.userinfo:
        return False
    on_trial = parsed.scheme == "http" and settings.OIDC_LOOPBACK and _is_loopback(parsed.host)
    return parsed.scheme == "https" or on_trial


def unavailable() -> Refusal:
    return Refusal("issuer_unavailable", retry_after=math.ceil(AGAIN_S))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _discovered() -> str:
    """Return where the issuer says that its keys are, or, where it says nothing, where Supabase has them."""
    base = settings.OIDC_ISSUER.rstrip("/")
    told = _fetched(base + DISCOVERY, or_none=True)
    if told is None:
        return base + JWKS
    # OpenID Connect Discovery 1.0, 4.3: whoever describes another issuer is not to be believed.
    if not isinstance(told, dict) or told.get("issuer") != settings.OIDC_ISSUER:
        raise _failed(base + DISCOVERY, "it is of another issuer")
    return str(told.get("jwks_uri"))


def _fetched(address: str, *, or_none: bool = False) -> Any:
    """Return the JSON at an address; or_none: None for 404."""
    if not may_be_asked(address):
        raise _failed(address, "not by https://")
    ends_at, body = time.monotonic() + WITHIN_S, b""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    try:
        with (
            httpx.Client(timeout=STEP_S, follow_redirects=False) as client,
            client.stream("GET", address, headers=headers) as answer,
        ):
            if or_none and answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code != httpx.codes.OK:
                raise _failed(address, f"status {answer.status_code}")
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MOST_BYTES or time.monotonic() > ends_at:
                    raise _failed(address, "too long or too slow")
        return bounded_json.read(body, most_items=MOST_ITEMS)
    except httpx.HTTPError as error:
        raise _failed(address, type(error).__name__) from error
    except ValueError as error:
        raise _failed(address, "no JSON") from error


def _usable(one: Any) -> jwt.PyJWK | None:
    """Return a public key for signatures with its algorithm, which its own type allows; None for anything else."""
    if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.keys() & SECRET_PARTS:
        return None
    if not isinstance(one.get("kid"), str) or not (one.get("alg") is None or _is_ours(one["alg"])):
        return None
    try:
        # Refuses an algorithm that is not one of the key's own type.
        key = jwt.PyJWK(one)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return key if _is_ours(key.algorithm_name) else None


def _is_ours(algorithm: Any) -> bool:
    return isinstance(algorithm, str) and algorithm in ALGORITHMS


def _failed(address: str, why: str) -> Refusal:
    logger.warning("the issuer's keys were not fetched from %s: %s", address, why)
    return unavailable()
