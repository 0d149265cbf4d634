"""One attempt to deliver: a POST to an address that was checked, no redirects, bounded in time and in what is read."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx

from heirloom.errors import Refusal
from heirloom.webhooks import targets
from heirloom.webhooks.models import Failure

logger = logging.getLogger(__name__)

# The whole attempt from connecting on, however slowly the other side answers.
ATTEMPT_S = 10.0
CONNECT_S = 3.0
MOST_READ_BYTES = 4096
EXCERPT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of it. status: None where nothing was answered; failure: "" for a success; took_ms: the whole time."""

    status: int | None
    excerpt: str
    failure: str
    took_ms: int


def send(url: str, *, body: bytes, headers: Mapping[str, str]) -> Attempt:
    """Send a body and say what came of it; a fault of the other side is an answer and raises nothing."""
    began = time.monotonic()
    try:
        target = targets.checked(url)
        addresses = targets.resolve(target)
    except Refusal as refusal:
        return Attempt(None, "", refusal.code, _ms_since(began))
    heard = asyncio.run(_attempt(target, addresses, body, headers))
    return Attempt(heard.status, _excerpt(heard.read), heard.failure, _ms_since(began))


@dataclass(slots=True)
class _Heard:
    """What was heard so far: an answer that stalls or breaks off is known by its status all the same."""

    status: int | None = None
    read: bytes = b""
    timed_out: bool = False

    @property
    def failure(self) -> str:
        if self.status is None:
            return Failure.TIMED_OUT if self.timed_out else Failure.NOT_REACHED
        if 200 <= self.status < 300:
            return ""
        return Failure.REDIRECTED if 300 <= self.status < 400 else Failure.STATUS


async def _attempt(target: httpx.URL, addresses: tuple[str, ...], body: bytes, headers: Mapping[str, str]) -> _Heard:
    heard = _Heard()
    try:
        # trust_env: a proxy of the environment would resolve the name by itself.
        async with (
            asyncio.timeout(ATTEMPT_S),
            httpx.AsyncClient(verify=httpx.create_ssl_context(), trust_env=False) as client,
        ):
            for address in addresses:
                with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                    await _listen(client, _request(client, target, address, body, headers), heard)
                    break
    except TimeoutError:
        heard.timed_out = True
    except httpx.HTTPError as error:
        logger.info("a delivery broke off: %s", type(error).__name__)
    return heard


async def _listen(client: httpx.AsyncClient, request: httpx.Request, heard: _Heard) -> None:
    response = await client.send(request, stream=True, follow_redirects=False)
    try:
        heard.status = response.status_code
        async for chunk in response.aiter_raw():
            heard.read += chunk
            if len(heard.read) >= MOST_READ_BYTES:
                return
    finally:
        await response.aclose()


def _request(
    client: httpx.AsyncClient, target: httpx.URL, address: str, body: bytes, headers: Mapping[str, str]
) -> httpx.Request:
    """Return a request to one address of a target; its name stays in the Host header and in the TLS handshake."""
    return client.build_request(
        "POST",
        target.copy_with(host=address),
        content=body,
        headers={
            "Host": target.netloc.decode(),
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "Heirloom-Webhooks",
            **headers,
        },
        extensions={"sni_hostname": target.raw_host.decode()},
        # ATTEMPT_S bounds the rest.
        timeout=httpx.Timeout(None, connect=CONNECT_S),
    )


def _excerpt(read: bytes) -> str:
    """Return the beginning of an answer as text; PostgreSQL keeps no NUL."""
    return read[:MOST_READ_BYTES].decode(errors="replace").replace("\x00", "")[:EXCERPT_CHARACTERS]


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
