"""The audit log: cut, changed and chained anew by whoever owns the database; and logins changed by SQL."""

import json
from collections.abc import Iterator

from bench.instance import InstanceError
from bench.intrusion.target import Finding, Target

# What each attempt does, as the owner of the tables, in a transaction that is rolled back: the instance goes on.
CUT = """
import json
import django
django.setup()
from django.db import connection, transaction
from heirloom.audit import services
from heirloom.audit.anchors import services as anchors
from heirloom.audit.keys import of_ring
from heirloom.audit.models import AuditEvent

def chained(rows, keys=None, forget_keys=False):
    head = services.FIRST_HASH
    for number, event in enumerate(rows, 1):
        event.sequence, event.previous_hash = number, head
        event.hash = head = services.hash_of(event)
        if forget_keys:
            event.key_id = event.mac = ""
        if keys:
            event.mac = keys.of_event(event.key_id, event.hash)
    return rows

def without_third(rows):
    return rows[:2] + rows[3:]

ATTEMPTS = {
    "an event cut out of the middle, the rest chained anew": lambda rows: chained(without_third(rows)),
    "the newest events cut off": lambda rows: rows[:-3],
    "all of it cut off": lambda rows: [],
    "written anew without keys": lambda rows: chained(without_third(rows), forget_keys=True),
    "written anew with the key ring": lambda rows: chained(without_third(rows), keys=of_ring()),
}
assert set(anchors.anchor_now().values()) == {""}
said = {"events": AuditEvent.objects.count(), "whole": services.verify(anchors.reachable()[0]).intact}
for name, attempt in ATTEMPTS.items():
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
            rows = list(AuditEvent.objects.order_by("sequence"))
            cursor.execute("DELETE FROM audit_auditevent")
        AuditEvent.objects.bulk_create(attempt(rows))
        said[name] = not services.verify(anchors.reachable()[0]).intact
        transaction.set_rollback(True)
print(json.dumps(said))
"""
PAST_SERVICE = """
import django
django.setup()
from django.db import connection
from heirloom.audit import logins
from heirloom.audit.models import AuditEvent
with connection.cursor() as cursor:
    cursor.execute("UPDATE accounts_user SET scopes = '{{identify}}' WHERE username = '{name}'")
logins.tell_unrecorded()
print(AuditEvent.objects.filter(action="login.written_past_service").count())
"""


def attack(target: Target) -> Iterator[Finding]:
    said = json.loads(target.instance.python("-c", CUT))
    events, whole = said.pop("events"), said.pop("whole")
    yield Finding(held=whole, figure=f"a log of {events} events that nobody touched holds")
    for what, found in said.items():
        yield Finding(held=found, figure=f"{what}: {'found' if found else 'NOT found'}")
    told = int(target.instance.python("-c", PAST_SERVICE.format(name=target.logins["client"][0])))
    yield Finding(held=told >= 1, figure=f"a scope given by SQL: told by {told} event")
    yield _by_command(target)


def _by_command(target: Target) -> Finding:
    before = _events(target)
    target.instance.make_login("attack-made", "a long enough passphrase", "admin")
    made = _events(target) - before
    return Finding(held=made == 1, figure=f"an administrator made by command: {made} event")


def _events(target: Target) -> int:
    code = "import django; django.setup(); from heirloom.audit.models import AuditEvent as E; "
    said = target.instance.python("-c", code + "print(E.objects.filter(action='login.created').count())")
    if not said.strip().isdecimal():
        raise InstanceError(said)
    return int(said)
