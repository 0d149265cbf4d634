"""An open session and an old token: what they reach, what a cache would keep of it, and who reads the figures."""

import uuid
from collections.abc import Iterator

import httpx

from bench.intrusion.target import Finding, Target

AGE_ALL = """
import django; django.setup()
from datetime import timedelta
from django.contrib.sessions.models import Session
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from heirloom.api.models import TokenFamily
TokenFamily.objects.filter(user__username={name!r}).update(created_at=timezone.now() - timedelta(minutes=30))
for row in Session.objects.all():
    held = SessionStore(row.session_key)
    if held.get("confirmed_at"):
        held["confirmed_at"] -= 1800
        held.save()
"""
"""Half an hour passes for this login."""
PAGES = ("/", "/people/", "/people/enroll/", "/admin/", "/admin/accounts/user/", "/password/")


def attack(target: Target) -> Iterator[Finding]:
    name, password = target.logins["admin"]
    caller = target.caller("admin")
    person = caller.post("/people/", json={"full_name": "Attacked Person", "employee_id": uuid.uuid4().hex[:8]})["id"]
    with httpx.Client(base_url=target.address, timeout=60) as browser:
        form = {"csrfmiddlewaretoken": browser.get("/sign-in/").cookies["csrftoken"], "username": name}
        browser.post("/sign-in/", data={**form, "password": password})
        token = browser.post("/api/v1/auth/token/", json={"username": name, "password": password}).json()["access"]
        target.instance.python("-c", AGE_ALL.format(name=name))
        yield from _grave_acts(browser, token, person)
        kept = [page for page in PAGES if "no-store" not in browser.get(page).headers.get("Cache-Control", "")]
        yield Finding(held=not kept, figure=f"{len(PAGES)} pages of a login: {len(kept)} may be kept by a cache")
        figures = browser.get("/metrics", headers={"Host": "evil.example"}).status_code
        yield Finding(held=figures == 400, figure=f"/metrics under a name that is not ours: {figures}")


def _grave_acts(browser: httpx.Client, token: str, person: str) -> Iterator[Finding]:
    csrf = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    pages = [f"/people/{person}/export/", f"/people/{person}/erase/", "/admin/accounts/user/add/"]
    met = [browser.post(page, data=csrf).status_code for page in pages]
    yield Finding(held=set(met) == {403}, figure=f"a session of half an hour ago: export, erase, new login: {met}")
    bearer = {"Authorization": f"Bearer {token}"}
    calls = [f"/api/v1/people/{person}/export/", f"/api/v1/people/{person}/erase/", "/api/v1/api-keys/"]
    told = [browser.post(call, json={}, headers=bearer).json() for call in calls]
    codes = [one["errors"][0]["code"] for one in told]
    yield Finding(
        held=set(codes) == {"reauthentication_required"}, figure=f"a token of half an hour ago, the same: {codes[0]}"
    )
