"""The clients: one for threads, one for asyncio, with the same methods."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from heirloom_client.core import Call, Credentials, Flow, Pause, Renew, Retries, Session, Step
from heirloom_client.errors import HeirloomError
from heirloom_client.operations import Listing, Operations

T = TypeVar("T")
P = ParamSpec("P")
TIMEOUT_S = 60.0
# What a step may end in, and a flow may answer to.
Failure = (httpx.TransportError, HeirloomError)


class _Client:
    """What both clients are told: the address of the server, who calls, and how patiently."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        retries: Retries | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """url: without /api/. token: of another issuer, if somebody else renews it."""
        self._session = Session(Credentials(api_key, username, password, token), retries or Retries())
        self._operations = Operations(self._session)
        self._connect(base_url=f"{url.rstrip('/')}/api/v1/", timeout=timeout_s)

    def _connect(self, *, base_url: str, timeout: float) -> None:
        raise NotImplementedError


def _request(call: Call) -> dict[str, Any]:
    parts = {"json": call.json, "data": call.data, "files": call.files, "content": call.content, "params": call.params}
    given = {name: part for name, part in parts.items() if part is not None}
    return {"method": call.method, "url": call.path, "headers": dict(call.headers), **given}


def _now(operation: Callable[Concatenate[Operations, P], Flow[T]]) -> "Callable[Concatenate[Client, P], T]":
    @wraps(operation)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._drive(operation(self._operations, *args, **kwargs))

    return method


def _each(
    listing: Callable[Concatenate[Operations, P], Listing[T]],
) -> "Callable[Concatenate[Client, P], Iterator[T]]":
    @wraps(listing)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        rows, cursor = listing(self._operations, *args, **kwargs), None
        while True:
            page = self._drive(rows.page(cursor))
            yield from page.results
            if (cursor := page.cursor) is None:
                return

    return method


def _soon(
    operation: Callable[Concatenate[Operations, P], Flow[T]],
) -> "Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]":
    @wraps(operation)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._drive(operation(self._operations, *args, **kwargs))

    return method


def _each_soon(
    listing: Callable[Concatenate[Operations, P], Listing[T]],
) -> "Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]":
    @wraps(listing)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        rows, cursor = listing(self._operations, *args, **kwargs), None
        while True:
            page = await self._drive(rows.page(cursor))
            for row in page.results:
                yield row
            if (cursor := page.cursor) is None:
                return

    return method


class Client(_Client):
    """Calls Heirloom, from any number of threads. Use it in a `with`, or close it."""

    detect = _now(Operations.detect)
    compare = _now(Operations.compare)
    recognize = _now(Operations.recognize)
    anti_spoofing = _now(Operations.anti_spoofing)
    add_face = _now(Operations.add_face)
    register_multiple = _now(Operations.register_multiple)
    create_person = _now(Operations.create_person)
    give_consent = _now(Operations.give_consent)
    enroll = _now(Operations.enroll)
    verify = _now(Operations.verify)
    identify = _now(Operations.identify)
    wait = _now(Operations.wait)
    verification = _now(Operations.verification)
    cancel = _now(Operations.cancel)
    challenge = _now(Operations.challenge)
    erase = _now(Operations.erase)
    upload = _now(Operations.upload)
    people = _each(Operations.people)
    verifications = _each(Operations.verifications)

    def _connect(self, *, base_url: str, timeout: float) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout)
        self._renewing = threading.Lock()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _drive(self, flow: Flow[T]) -> T:
        """Carry a flow out, step by step, and return what it returns."""
        try:
            step = next(flow)
            while True:
                try:
                    result = self._perform(step)
                except Failure as failure:
                    step = flow.throw(failure)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            returned: T = done.value
            return returned

    def _perform(self, step: Step) -> httpx.Response | None:
        match step:
            case Call():
                return self._http.request(**_request(step))
            case Pause(seconds):
                time.sleep(seconds)
            case Renew(stale):
                with self._renewing:
                    if self._session.access == stale:
                        self._drive(self._session.renew())
        return None


class AsyncClient(_Client):
    """The same for asyncio. Use it in an `async with`, or close it. Files are read from disk as they are sent."""

    detect = _soon(Operations.detect)
    compare = _soon(Operations.compare)
    recognize = _soon(Operations.recognize)
    anti_spoofing = _soon(Operations.anti_spoofing)
    add_face = _soon(Operations.add_face)
    register_multiple = _soon(Operations.register_multiple)
    create_person = _soon(Operations.create_person)
    give_consent = _soon(Operations.give_consent)
    enroll = _soon(Operations.enroll)
    verify = _soon(Operations.verify)
    identify = _soon(Operations.identify)
    wait = _soon(Operations.wait)
    verification = _soon(Operations.verification)
    cancel = _soon(Operations.cancel)
    challenge = _soon(Operations.challenge)
    erase = _soon(Operations.erase)
    upload = _soon(Operations.upload)
    people = _each_soon(Operations.people)
    verifications = _each_soon(Operations.verifications)

    def _connect(self, *, base_url: str, timeout: float) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout)
        self._renewing = asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def _drive(self, flow: Flow[T]) -> T:
        """Carry a flow out, step by step, and return what it returns."""
        try:
            step = next(flow)
            while True:
                try:
                    result = await self._perform(step)
                except Failure as failure:
                    step = flow.throw(failure)
                else:
                    step = flow.send(result)
        except StopIteration as done:
            returned: T = done.value
            return returned

    async def _perform(self, step: Step) -> httpx.Response | None:
        match step:
            case Call():
                return await self._http.request(**_request(step))
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Renew(stale):
                async with self._renewing:
                    if self._session.access == stale:
                        await self._drive(self._session.renew())
        return None
