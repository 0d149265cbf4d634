"""Guessing passwords: many names from one address, one name from many, and what a refused try costs."""

import time
from collections.abc import Iterator

import httpx

from bench.intrusion.target import Finding, Target

TRIES = 60
NETWORK = "127.0.66"
"""Addresses of this machine that nothing else here signs in from, so what is closed by this attack is closed for it."""


def attack(target: Target) -> Iterator[Finding]:
    yield _spray_of_names(target)
    yield from _spread_over_addresses(target)


def _spray_of_names(target: Target) -> Finding:
    with _from(f"{NETWORK}.1", target) as http:
        page = http.get("/sign-in/")
        form = {"csrfmiddlewaretoken": page.cookies["csrftoken"], "password": "Spring-2026"}
        met, spent = [], []
        for number in range(TRIES):
            began = time.perf_counter()
            met.append(http.post("/sign-in/", data={**form, "username": f"name-{number}"}).status_code)
            spent.append(time.perf_counter() - began)
    refused = [one for one, status in zip(spent, met, strict=True) if status == 429]
    looked_at = [one for one, status in zip(spent, met, strict=True) if status != 429]
    figure = f"{TRIES} names from one address: {len(refused)} met 429"
    if refused and looked_at:
        figure += f"; a refused one took {_ms(refused)} ms, one that was looked at {_ms(looked_at)} ms"
    return Finding(held=len(refused) >= TRIES // 2, figure=figure)


def _spread_over_addresses(target: Target) -> Iterator[Finding]:
    name, password = target.logins["reviewer"]
    home = f"{NETWORK}.200"
    first = _token(target, home, name, password)
    met = [_token(target, f"{NETWORK}.{100 + number}", name, "wrong") for number in range(TRIES)]
    yield Finding(held=429 in met, figure=f"one name from {TRIES} addresses: {met.count(429)} met 429")
    again = _token(target, home, name, password)
    yield Finding(held=(first, again) == (200, 200), figure=f"its owner, where always, meets {again} after that")


def _token(target: Target, address: str, username: str, password: str) -> int:
    with _from(address, target) as http:
        return http.post("/api/v1/auth/token/", json={"username": username, "password": password}).status_code


def _from(address: str, target: Target) -> httpx.Client:
    return httpx.Client(
        base_url=target.address,
        transport=httpx.HTTPTransport(local_address=address),
        timeout=60,
        follow_redirects=False,
    )


def _ms(seconds: list[float]) -> str:
    return f"{sorted(seconds)[len(seconds) // 2] * 1000:.1f}"
