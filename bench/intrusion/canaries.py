"""A day of ordinary mistakes, with one mark in all that is typed and sent; then every place is searched for it."""

import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from bench.client import Caller, CallError
from bench.intrusion.disk import found
from bench.intrusion.target import Finding, Target

CONSENT = {"method": "written", "given_at": "2026-01-05T09:00:00Z"}
_ASK = """
import json, sys, django
django.setup()
from django.db import connection
mark, found = sys.argv[1], {}
with connection.cursor() as cursor:
    cursor.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT count(*) FROM {table} t WHERE position(%s in lower(t::text)) > 0", [mark])
        found[table] = cursor.fetchone()[0]
print(json.dumps({table: count for table, count in found.items() if count}))
"""
# Where people are kept while they are enrolled.
PEOPLE = {"public.enrollment_person", "public.enrollment_consent"}


def attack(target: Target) -> Iterator[Finding]:
    mark, began = f"q{secrets.token_hex(6)}", time.time()
    var = Path(target.instance.environment["HEIRLOOM_VAR"])
    people = _mistakes(target, mark)
    tables = set(json.loads(target.instance.python("-c", _ASK, mark)))
    yield _told("rows of tables", len(tables - PEOPLE), tables - PEOPLE)
    logged = found(_spellings(mark), *(folder for folder in var.iterdir() if folder.name != "postgres"))
    yield _told("logs, broker, scratch folders and files", len(logged), set().union(*logged.values()))
    hr = target.caller("hr")
    for person in people:
        hr.post(f"/people/{person}/erase/")
    target.instance.python("manage.py", "erasures", "--complete")
    left = found(_spellings(mark), var)
    yield _told("the whole disk, once all were erased", len(left), set().union(*left.values()))
    made = _made_since(began, var)
    strewn = {str(path) for path in made if found(_spellings(mark), path)}
    yield _told(f"{len(made)} folders of temporary files", len(strewn), strewn)


def _told(where: str, hits: int, places: set[str]) -> Finding:
    figure = f"{where}: {hits} with what was typed or sent"
    return Finding(held=not hits, figure=f"{figure} ({', '.join(sorted(places)[:6])})" if places else figure)


def _spellings(mark: str) -> dict[str, bytes]:
    return {"mark": mark.encode(), "in capitals": mark.upper().encode(), "wide": mark.encode("utf-16-le")}


def _mistakes(target: Target, mark: str) -> list[str]:
    """Make them, and return who was enrolled on the way."""
    hr, photo = target.caller("hr"), target.portraits["hopper"].jpeg + mark.encode()
    first = hr.post("/people/", json=_person(mark, 1))["id"]
    hr.post(f"/people/{first}/consents/", json={**CONSENT, "policy_version": f"for {mark}"})
    with ThreadPoolExecutor(4) as pool:  # a number that is taken, one after the other and at once
        made = [one for one in pool.map(lambda number: _tried(hr, mark, number), (1, 1, 2, 2, 2, 2)) if one]
    visit = hr.post(f"/people/{first}/captures/", files=[("files", ("1.jpg", photo, "image/jpeg"))])
    _kill_worker()
    made += _refused_requests(target, mark, first)
    _failed_import(hr, mark)
    hr.follow(visit)
    time.sleep(2)  # the last of them reach their logs
    return [first, *made]


def _person(mark: str, number: int) -> dict[str, object]:
    return {
        "full_name": f"Zaphod {mark}",
        "employee_id": f"{mark}-{number}",
        "email": f"{mark}@example.org",
        "metadata": {"note": mark},
    }


def _tried(hr: Caller, mark: str, number: int) -> str:
    try:
        return str(hr.post("/people/", json=_person(mark, number))["id"])
    except CallError:
        return ""


def _refused_requests(target: Target, mark: str, person: str) -> list[str]:
    """Send what is refused, and one thing too much, which is not: return whom that made."""
    hr = target.caller("hr")._http
    anybody = httpx.Client(base_url=target.address, timeout=60)
    api = "/api/v1"
    hr.post(f"{api}/people/", json={**_person(mark, 3), "email": f"not a mail {mark}"})
    hr.post(f"{api}/people/", content=f'{{"full_name": "{mark}', headers={"Content-Type": "application/json"})
    hr.post(f"{api}/people/", json={**_person(mark, 3), "full_name": mark * 100})
    more = hr.post(f"{api}/people/", json={**_person(mark, 3), mark: mark})
    hr.get(f"{api}/people/", params={"search": mark, "cursor": mark})
    hr.get(f"{api}/people/{mark}/")
    hr.post(f"{api}/people/{person}/captures/", files=[("files", (f"{mark}.jpg", mark.encode() * 99, "image/jpeg"))])
    hr.post(
        f"{api}/webhooks/", json={"url": f"https://{mark}:{mark}@127.0.0.1/?key={mark}", "events": ["person.erased"]}
    )
    client = target.caller("client")._http
    client.post(f"{api}/verifications/", data={"employee_id": mark}, files={"file": (mark, mark.encode(), "image/png")})
    client.post(f"{api}/verifications/", json={"image_base64": mark, "employee_id": mark})
    client.post(f"{api}/compare/", json={"face1_image_base64": mark, "face2_image_base64": mark})
    anybody.get(f"{api}/people/", headers={"Authorization": f"Bearer {mark}.{mark}.{mark}"})
    anybody.get(f"{api}/people/", headers={"X-API-Key": f"hk_{mark}", "X-Request-ID": "a day of mistakes"})
    anybody.post(f"{api}/auth/token/?{mark}={mark}", json={"username": mark, "password": f"{mark}!"})
    page = anybody.get("/sign-in/")
    form = {"csrfmiddlewaretoken": page.cookies["csrftoken"], "username": f"{mark}-password", "password": f"{mark}!"}
    anybody.post(f"/sign-in/?next=/{mark}/", data=form)
    anybody.post("/sign-in/", data={**form, "csrfmiddlewaretoken": mark})
    return [more.json()["id"]] if more.is_success else []


def _failed_import(hr: Caller, mark: str) -> None:
    lines = ["employee_id,full_name,email", f"{mark}-1,{mark},{mark}", f",{mark},", f"{mark}-9,,{mark}@example.org"]
    try:
        accepted = hr.post(
            "/people/imports/", files=[("table", (f"{mark}.csv", "\n".join(lines).encode(), "text/csv"))]
        )
        hr.follow(accepted)
    except CallError:
        return


def _kill_worker() -> None:
    """End the worker of this instance as a power cut would; the supervisor starts it again."""
    for process in psutil.Process(os.getpid()).children(recursive=True):
        command = process.cmdline()
        if "celery" in command and "worker" in command and "guard.py" not in " ".join(command):
            process.kill()


def _made_since(began: float, var: Path) -> list[Path]:
    """Return what is new in the temporary folder and ours: the instance's own folder apart."""
    root = Path(tempfile.gettempdir())
    new = []
    for path in root.iterdir():
        if var.is_relative_to(path):
            continue
        try:
            facts = path.stat()
        except OSError:
            continue
        if facts.st_mtime >= began and facts.st_uid == os.getuid():
            new.append(path)
    return new
