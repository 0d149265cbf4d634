"""The app's own role of the database: it does the app's work, and of the log it reads and adds, and can do no more."""

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_django
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from enrollment.services import consents, erasure, people
from heirloom.accounts import services as accounts
from heirloom.api import keys
from heirloom.audit import logins, roles
from heirloom.audit.anchors import services as anchors
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.services import record, verify
from heirloom.embedded import doctor_audit
from heirloom.embedded.findings import State
from tests.cast import PASSWORD, caller, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_app(settings: pytest_django.Settings, tmp_path: Path) -> Iterator[None]:
    """Log in as the app's role; all of it goes with the transaction of the test."""
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "anchors")
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE heirloom_app LOGIN")
        roles.grant("heirloom_app")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_no_truncate")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET SESSION AUTHORIZATION heirloom_app")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET SESSION AUTHORIZATION")


def events() -> None:
    for _ in range(3):
        record(action=Action.EVIDENCE_VIEWED, subject_kind="verification", subject_id=uuid4())


def test_the_apps_work_is_done_under_it(as_app: None) -> None:
    cast = make_cast()
    person = people.create_person(full_name="Grace Hopper", actor=cast.hana)
    consent = consents.give(
        person=person, policy_version="2026-1", method="written", given_at=timezone.now(), actor=cast.hana
    )
    consents.withdraw(consent=consent, actor=cast.hana)
    issued = keys.create(owner=cast.cleo, name="Kiosk", actor=cast.ada)
    keys.revoke(key=issued.key, actor=cast.ada)
    assert caller(cast.hana).get(f"/api/v1/people/{person.id}/").status_code == 200
    accounts.create_login(username="nils", password=PASSWORD, roles=("hr",))
    erasure.erase(person=person, actor=cast.hana)
    assert anchors.anchor_now() == {"file": ""}
    assert verify().intact
    assert AuditEvent.objects.filter(action=Action.PERSON_ERASED).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor_id = '9'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
        "TRUNCATE audit_auditevent CASCADE",
        "ALTER TABLE audit_auditevent DISABLE TRIGGER USER",
        "DROP TRIGGER audit_event_append_only ON audit_auditevent",
        "CREATE OR REPLACE FUNCTION audit_event_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "ALTER TABLE audit_auditevent OWNER TO heirloom_app",
        "DROP TABLE audit_auditevent",
        "SET session_replication_role = replica",
        "SET ROLE postgres",
        "DELETE FROM accounts_unrecordedwrite",
        "ALTER TABLE accounts_user DISABLE TRIGGER USER",
        "DELETE FROM django_migrations",
    ],
)
def test_it_cannot_change_or_cut_the_log(as_app: None, statement: str) -> None:
    events()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert (verify().events, verify().intact) == (3, True)


def test_what_it_writes_past_the_services_is_noted_where_it_cannot_take_it_back(as_app: None) -> None:
    make_cast()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET is_superuser = true WHERE username = 'hana'")
    assert logins.tell_unrecorded() == 1
    assert AuditEvent.objects.latest("sequence").details["database_role"] == "heirloom_app"


def test_the_doctor_says_whose_role_could_cut_the_log(as_app: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor_audit.role().state is State.OK
    assert "can do no more" in doctor_audit.role().detail
    with connection.cursor() as cursor:
        cursor.execute("RESET SESSION AUTHORIZATION")
    assert "one role only" in doctor_audit.role().detail
    monkeypatch.setattr(doctor_audit.settings, "EMBEDDED", False)
    found = doctor_audit.role()
    assert (found.state, "could change or cut" in found.detail) == (State.WARNING, True)


def test_the_statements_are_printed_for_whoever_runs_them_by_hand() -> None:
    out = io.StringIO()
    call_command("audit", "roles", "heirloom_app", stdout=out)
    assert "REVOKE UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON audit_auditevent" in out.getvalue()
    with pytest.raises(CommandError, match="does not exist"):
        call_command("audit", "roles", "heirloom_app", "--apply")
