"""A password that was learned: what it opens where a second factor is set up, and how many codes can be tried."""

import json
from collections.abc import Iterator

import httpx

from bench.intrusion.target import Finding, Target
from heirloom.factors import totp

NAME, PASSWORD = "attack-factor", "a password that somebody learned"
SET_UP = """
import django; django.setup()
import json
from heirloom.accounts.models import User
from heirloom.factors import services, totp
import time
factor = services.begin_totp(user=User.objects.get(username={name!r}))
secret = services.secret_of(factor)
assert services.confirm_totp(factor=factor, code=totp.code(secret, int(time.time() // totp.STEP_S) - 1))
print(json.dumps(secret.hex()))
"""
TRIES = 20


def attack(target: Target) -> Iterator[Finding]:
    target.instance.make_login(NAME, PASSWORD, "hr")
    secret = bytes.fromhex(json.loads(target.instance.python("-c", SET_UP.format(name=NAME)).strip().splitlines()[-1]))
    with httpx.Client(base_url=target.address, timeout=60) as browser:
        given = {"username": NAME, "password": PASSWORD}
        told = browser.post("/api/v1/auth/token/", json=given).json()["errors"][0]["code"]
        yield Finding(held=told == "second_factor_required", figure=f"the password alone at auth/token/: {told}")
        csrf = {"csrfmiddlewaretoken": browser.get("/sign-in/").cookies["csrftoken"]}
        browser.post("/sign-in/", data={**csrf, **given})
        seen = browser.get("/people/").status_code
        yield Finding(held=seen == 302, figure=f"the password alone at /sign-in/: /people/ answers {seen}")
        wrong = f"{(int(totp.code(secret, 0)) + 1) % 10**6:06d}"
        met = [browser.post("/second-factor/", data={**csrf, "code": wrong}).status_code for _ in range(TRIES)]
        yield Finding(held=met.count(429) >= TRIES - 6, figure=f"{TRIES} codes guessed: {met.count(429)} met 429")
