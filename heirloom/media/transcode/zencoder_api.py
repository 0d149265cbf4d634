"""Zencoder's API v2: what it is asked, what it answers, and what each of its refusals means here."""

import ipaddress
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from heirloom import bounded_json
from heirloom.errors import Refusal

BASE_URL = "https://app.zencoder.com/api/v2/"
ENDED = frozenset({"finished", "failed", "cancelled"})
STATES = ENDED | {"pending", "waiting", "processing"}
TRIES_OVER_LIMIT = 4
MOST_ANSWER_BYTES = 4 * 2**20
MOST_ANSWER_ITEMS = 50_000
CHUNK_BYTES = 64 * 1024
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Progress:
    """percent: of the whole job, None where none is told."""

    state: str
    percent: float | None


@dataclass(frozen=True, slots=True)
class Details:
    """What became of a job. outputs: address by label; thumbnails: addresses, as they are told."""

    state: str
    outputs: Mapping[str, str]
    thumbnails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZencoderApi:
    """The calls that are made of the API. timeout_s: how long each waits for the next bytes.

    Each raises Refusal transcoder_unavailable where nothing usable is answered (a 5xx, a broken line, nonsense),
    transcoder_unpaid for a 402, transcoder_busy when the limit on calls stays passed, transcoder_refuses for any other
    refusal.
    """

    key: str = field(repr=False)
    base_url: str = BASE_URL
    timeout_s: float = 20.0
    longest_transfer_s: float = 300.0
    over_limit_wait_s: float = 5.0
    sleep: Callable[[float], None] = time.sleep

    def create(self, order: Mapping[str, Any]) -> int:
        """Have a job begun and return its id."""
        return self._told("POST", "jobs", lambda told: int(told["id"]), order)

    def progress(self, job: int) -> Progress:
        """Return how far a job is."""
        return self._told(
            "GET", f"jobs/{job}/progress", lambda told: Progress(_state(told), _percent(told.get("progress")))
        )

    def details(self, job: int) -> Details:
        """Return what a job has made."""
        return self._told("GET", f"jobs/{job}", lambda told: _details(_mapping(told["job"])))

    def cancel(self, job: int) -> bool:
        """Have a job stopped; False where it had ended already."""
        return self._act("cancel", job)

    def resubmit(self, job: int) -> bool:
        """Have a job done once more; False where it has finished."""
        return self._act("resubmit", job)

    def fetch(self, address: str, most_bytes: int) -> Iterator[bytes]:
        """Give the bytes of something that a job made. It is asked for without our key, for it may lie anywhere.

        Raises Refusal transcoding_failed at the first byte beyond most_bytes: no fault of whoever sent the clip.
        """
        if not _may_be_asked(address, self.base_url):
            raise Refusal("transcoder_unavailable", "The transcoder named an address that is not safe to ask.")
        try:
            with httpx.stream("GET", address, timeout=self.timeout_s) as answer:
                if answer.status_code != 200:
                    raise Refusal("transcoder_unavailable", "What the transcoder made is not where it said.")
                yield from self._bounded(answer, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refusal("transcoder_unavailable") from error

    def _act(self, what: str, job: int) -> bool:
        return self._answer("PUT", f"jobs/{job}/{what}").status_code != 409

    def _told(
        self, method: str, path: str, read: Callable[[Mapping[str, Any]], Told], body: Mapping[str, Any] | None = None
    ) -> Told:
        answer = self._answer(method, path, body)
        try:
            return read(_mapping(bounded_json.read(answer.content, most_items=MOST_ANSWER_ITEMS)))
        except (ValueError, TypeError, KeyError) as error:
            raise Refusal("transcoder_unavailable", "The transcoder answered with nonsense.") from error

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """Return an answer that is no refusal, or a 409: what was asked for cannot be done to a job that has ended."""
        for attempt in range(1, TRIES_OVER_LIMIT + 1):
            answer = self._call(method, path, body)
            if answer.status_code == 403 and attempt < TRIES_OVER_LIMIT:
                self.sleep(self.over_limit_wait_s)
                continue
            if answer.is_success or (answer.status_code == 409 and method == "PUT"):
                return answer
            raise _refusal(answer.status_code)
        raise Refusal("transcoder_busy")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> httpx.Response:
        headers = {"Zencoder-Api-Key": self.key, "Accept": "application/json"}
        try:
            with httpx.stream(
                method, self.base_url + path, json=body, headers=headers, timeout=self.timeout_s
            ) as answer:
                content = b"".join(self._bounded(answer, MOST_ANSWER_BYTES))
        except httpx.HTTPError as error:
            raise Refusal("transcoder_unavailable") from error
        return httpx.Response(answer.status_code, content=content)

    def _bounded(self, answer: httpx.Response, most_bytes: int) -> Iterator[bytes]:
        total, ends_at = 0, time.monotonic() + self.longest_transfer_s
        for chunk in answer.iter_bytes(CHUNK_BYTES):
            total += len(chunk)
            if total > most_bytes:
                raise Refusal("transcoding_failed", "The transcoder sent more than was asked for.")
            if time.monotonic() > ends_at:
                raise Refusal("transcoder_unavailable", "The transcoder sends too slowly.")
            yield chunk


def _may_be_asked(address: str, base_url: str) -> bool:
    """Say whether an address is asked by the API's own scheme and lies where the API does, or in no private network.

    A name that is not known here is left to the proxy that may know it.
    """
    try:
        asked, api = urlsplit(address), urlsplit(base_url)
        if asked.scheme != api.scheme or not asked.hostname:
            return False
        places = [] if asked.hostname == api.hostname else socket.getaddrinfo(asked.hostname, None)
    except socket.gaierror:
        return True
    except ValueError:
        return False
    return all(ipaddress.ip_address(place[4][0]).is_global for place in places)


def _refusal(status: int) -> Refusal:
    if status == 402:
        return Refusal("transcoder_unpaid")
    if status == 403:
        return Refusal("transcoder_busy")
    return Refusal("transcoder_unavailable" if status >= 500 or status in {408, 429} else "transcoder_refuses")


def _state(told: Mapping[str, Any]) -> str:
    state = told.get("state")
    if state not in STATES:
        raise ValueError(f"no such state: {state!r:.40}")
    return str(state)


def _details(job: Mapping[str, Any]) -> Details:
    made = [_mapping(one) for one in _list(job.get("output_media_files"))]
    shown = [_mapping(one) for one in _list(job.get("thumbnails"))]
    outputs = {str(one.get("label") or ""): str(one["url"]) for one in made if one.get("url")}
    return Details(_state(job), outputs, tuple(str(one["url"]) for one in shown))


def _percent(told: object) -> float | None:
    """Return a progress as a number; that of an input arrives as a string."""
    try:
        return float(told) if isinstance(told, str | int | float) else None
    except ValueError:
        return None


def _mapping(told: object) -> Mapping[str, Any]:
    if not isinstance(told, dict):
        raise TypeError("an object was expected")
    return told


def _list(told: object) -> list[Any]:
    return told if isinstance(told, list) else []
