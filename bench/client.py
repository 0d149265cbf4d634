"""A program that speaks to Heirloom over HTTP, as any client app would."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

API = "/api/v1"
Files = Sequence[tuple[str, tuple[str, bytes, str]]]


class CallError(Exception):
    """Heirloom answered with an error; the message holds its status and codes."""


class SignIn(httpx.Auth):
    """Trades the password for a token at the first call, and again when the token has run out."""

    requires_response_body = True

    def __init__(self, username: str, password: str) -> None:
        self._login = {"username": username, "password": password}
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if not self._token:
            yield from self._sign_in(request.url)
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401:
            yield from self._sign_in(request.url)
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _sign_in(self, url: httpx.URL) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield httpx.Request("POST", url.join(f"{API}/auth/token/"), json=self._login)
        self._token = _body(answer)["access"]


@dataclass(frozen=True, slots=True)
class Followed:
    """The last answer of a status address, and the seconds from the 202 to it."""

    answer: dict[str, Any]
    seconds: float


class Caller:
    """Calls as one login. Every method raises CallError for an answer that is not 2xx."""

    def __init__(self, address: str, username: str, password: str) -> None:
        self._http = httpx.Client(base_url=address, auth=SignIn(username, password), timeout=120)

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return _body(self._http.get(_whole(path), params=parameters))

    def post(
        self,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        files: Files | None = None,
    ) -> dict[str, Any]:
        return _body(self._http.post(_whole(path), json=json, data=data, files=files))

    def follow(self, accepted: Mapping[str, Any], *, within_s: float = 120, every_s: float = 0.05) -> Followed:
        """Ask the status address of a 202 until the work is done."""
        started = time.monotonic()
        while time.monotonic() - started < within_s:
            answer = self.get(accepted["links"]["self"])
            if answer["status"] == "done":
                return Followed(answer, time.monotonic() - started)
            time.sleep(every_s)
        raise CallError(f"{accepted['links']['self']} is not done after {within_s:.0f} s: {answer}")

    def close(self) -> None:
        self._http.close()


def _whole(path: str) -> str:
    return path if path.startswith(API) else f"{API}{path}"


def _body(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        return dict(answer.json()) if answer.content else {}
    raise CallError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text[:500]}")
