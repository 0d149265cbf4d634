"""How a call is made, retried and authorized, as generators that say what to do next and leave the doing to a client.

So one text serves threads and asyncio alike: a flow yields a Call, gets its response, and returns a result.
"""

import random
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeVar

import httpx

from heirloom_client.errors import ApiError, HeirloomError, NotConnectedError, UnexpectedAnswerError, error_of

T = TypeVar("T")
KEY_HEADER = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. path: below /api/v1/. repeatable: sent twice, it does no more than once."""

    method: str
    path: str
    json: Any = None
    data: Mapping[str, str] | None = None
    files: Sequence[tuple[str, Any]] | None = None
    content: bytes | None = None
    params: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    signed: bool = True

    def with_headers(self, headers: Mapping[str, str]) -> "Call":
        return replace(self, headers={**self.headers, **headers})


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Renew:
    """Get another access token, unless somebody else has replaced the stale one meanwhile."""

    stale: str | None


Step = Call | Pause | Renew
Flow = Generator[Step, Any, T]


def post(path: str, **parts: Any) -> Call:
    """Return a POST under a key of its own: however often it is sent, it is carried out once."""
    return Call("POST", path, headers={KEY_HEADER: str(uuid.uuid4())}, **parts)


@dataclass(frozen=True, slots=True)
class Retries:
    """How a call is tried again: after a break, and after 429 or 503, whose Retry-After is heeded.

    most: tries after the first. The pauses double from first_s up to most_s, each shortened by chance, so that many
    callers do not come back at once. A server that asks for more than patience_s is not waited for.
    """

    most: int = 4
    first_s: float = 0.5
    most_s: float = 20.0
    patience_s: float = 60.0
    chance: Callable[[float, float], float] = random.uniform

    def pause(self, attempt: int) -> float:
        """Return the seconds to wait after a try; the first is number 0."""
        return self.chance(0.0, min(self.most_s, self.first_s * 2**attempt))

    def after(self, error: HeirloomError, attempt: int) -> float | None:
        """Return the seconds to wait after an answer; None if trying again is no use."""
        if not isinstance(error, ApiError) or attempt >= self.most:
            return None
        if error.status not in {429, 502, 503, 504} and error.code != "idempotency_in_progress":
            return None
        asked = error.retry_after_s or 0.0
        return None if asked > self.patience_s else asked + self.pause(attempt)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key, or a username and password, or an access token that somebody else renews."""

    api_key: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        ways = [self.api_key, self.token, self.username and self.password]
        if sum(map(bool, ways)) != 1:
            raise ValueError("Give an api_key, or a username and password, or a token.")


class Session:
    """Who calls, with which tokens; many threads or tasks may share one, whose client lets one renew at a time."""

    def __init__(self, credentials: Credentials, retries: Retries) -> None:
        self._credentials = credentials
        self.retries = retries
        self.access = credentials.token
        self._refresh: str | None = None

    def call(self, call: Call) -> Flow[httpx.Response]:
        """Make a call until it is answered with success.

        Raises ApiError, or NotConnectedError if no answer comes.
        """
        for attempt in count():
            wait: float | None
            try:
                response: httpx.Response = yield from self._sent(call)
            except httpx.TransportError as broken:
                if not call.repeatable or attempt >= self.retries.most:
                    raise NotConnectedError(f"{call.method} {call.path}: {broken}") from broken
                wait = self.retries.pause(attempt)
            else:
                if response.is_success:
                    return response
                error = error_of(response)
                wait = self.retries.after(error, attempt) if call.repeatable else None
                if wait is None:
                    raise error
            yield Pause(wait)
        raise AssertionError("unreachable")

    def once(self, call: Call) -> Flow[httpx.Response]:
        """Make a call once, whatever comes of it."""
        return (yield from self._sent(call))

    def renew(self) -> Flow[None]:
        """Get new tokens: by the refresh token, which is good once, else by the password."""
        refresh, self._refresh = self._refresh, None
        if refresh is not None:
            renewed: httpx.Response = yield Call(
                "POST", "auth/token/refresh/", json={"refresh": refresh}, signed=False, repeatable=False
            )
            if renewed.is_success:
                self._keep(renewed)
                return
        signing_in = {"username": self._credentials.username, "password": self._credentials.password}
        self._keep((yield from self.call(Call("POST", "auth/token/", json=signing_in, signed=False))))

    def _sent(self, call: Call) -> Flow[httpx.Response]:
        if not call.signed:
            plain: httpx.Response = yield call
            return plain
        if self._credentials.api_key is not None:
            keyed: httpx.Response = yield call.with_headers({"X-API-Key": self._credentials.api_key})
            return keyed
        if self.access is None:
            yield Renew(None)
        used = self.access
        response: httpx.Response = yield call.with_headers({"Authorization": f"Bearer {used}"})
        if response.status_code != 401 or self._credentials.password is None:
            return response
        yield Renew(used)
        again: httpx.Response = yield call.with_headers({"Authorization": f"Bearer {self.access}"})
        return again

    def _keep(self, response: httpx.Response) -> None:
        try:
            tokens = response.json()
            self.access, self._refresh = tokens["access"], tokens.get("refresh")
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedAnswerError("No tokens came for the password.") from error
