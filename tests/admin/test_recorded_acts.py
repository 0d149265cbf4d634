"""Every act on a login, a role or a key leaves one event with what was before and after; nothing is written past it."""

import io
import re
from typing import Any
from uuid import UUID

import pytest
import pytest_django
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.core.management import call_command, get_commands
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from heirloom.accounts.models import UnrecordedWrite, User
from heirloom.accounts.services import ensure_roles
from heirloom.api.models import ApiKey
from heirloom.audit import logins
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.factors.models import SecondFactor
from heirloom.reviews.models import Review
from heirloom.webhooks.models import WebhookDelivery
from tests.admin.test_logins import form_of
from tests.cast import PASSWORD, Cast

USERS = "/admin/accounts/user/"
OTHER = "another long enough passphrase"


class Events:
    """The events since the last look."""

    def __init__(self) -> None:
        self.seen = AuditEvent.objects.count()

    def one(self) -> AuditEvent:
        (event,) = AuditEvent.objects.filter(sequence__gt=self.seen)
        self.seen += 1
        assert not UnrecordedWrite.objects.exists()
        return event


@pytest.fixture
def events(cast: Cast) -> Events:
    return Events()


def shown(event: AuditEvent) -> tuple[str, Any, Any]:
    return event.action, event.details.get("before"), event.details.get("after")


def test_a_login_that_is_made_in_admin(ada: Client, events: Events, cast: Cast) -> None:
    events.seen = AuditEvent.objects.count()
    form = {"username": "nils", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    ada.post(f"{USERS}add/", form)
    made = events.one()
    assert (made.action, made.actor_id) == (Action.LOGIN_CREATED, str(cast.ada.pk))
    assert made.subject_id == UUID(int=User.objects.get(username="nils").pk)
    assert "nils" not in str(made.details)


@pytest.mark.parametrize(
    ("name", "change", "action", "before", "after"),
    [
        ("rhea", ("hr", {}), Action.LOGIN_ROLES_CHANGED,
            {"roles": ["reviewer"], "is_staff": True}, {"roles": ["hr"], "is_staff": False}),
        ("hana", ("admin", {}), Action.LOGIN_ROLES_CHANGED,
            {"roles": ["hr"], "is_staff": False, "is_superuser": False},
            {"roles": ["admin"], "is_staff": True, "is_superuser": True}),
        ("hana", ("hr", {"is_active": ""}), Action.LOGIN_DISABLED, {"is_active": True}, {"is_active": False}),
        ("cleo", ("client", {"scopes": ["identify"]}), Action.LOGIN_CHANGED, {"scopes": []}, {"scopes": ["identify"]}),
    ],
)  # fmt: skip
def test_a_login_that_is_changed_in_admin(
    ada: Client, cast: Cast, name: str, change: tuple[str, dict[str, Any]], action: str, before: Any, after: Any
) -> None:
    user, since = getattr(cast, name), Events()
    ada.post(f"{USERS}{user.pk}/change/", form_of(user, change[0], **change[1]))
    assert shown(since.one()) == (action, before, after)


def test_a_consent_basis_that_is_changed_in_admin_is_told_without_its_text(ada: Client, cast: Cast) -> None:
    since = Events()
    basis = '{"policy_version": "of Grace Hopper", "method": "contract"}'
    ada.post(f"{USERS}{cast.cleo.pk}/change/", form_of(cast.cleo, "client", consent_basis=basis))
    event = since.one()
    assert event.details["before"] == {"consent_basis": None}
    assert set(event.details["after"]["consent_basis"]) == {"policy_version", "method"}
    assert "Hopper" not in str(event.details)


def test_a_name_or_an_address_that_is_changed_is_told_by_a_code(ada: Client, cast: Cast) -> None:
    since = Events()
    ada.post(f"{USERS}{cast.cleo.pk}/change/", form_of(cast.cleo, "client", email="cleo@example.org"))
    event = since.one()
    assert (event.action, event.details["before"]) == (Action.LOGIN_CHANGED, {"email": ""})
    assert event.details["after"] == {"email": audit.fingerprint("cleo@example.org")}


def test_a_form_that_changes_nothing_leaves_nothing(ada: Client, cast: Cast) -> None:
    since = Events()
    ada.post(f"{USERS}{cast.cleo.pk}/change/", form_of(cast.cleo, "client"))
    assert AuditEvent.objects.count() == since.seen


def test_a_password_that_an_admin_sets(ada: Client, cast: Cast) -> None:
    since = Events()
    form = {"password1": OTHER, "password2": OTHER, "usable_password": "true"}
    ada.post(f"{USERS}{cast.hana.pk}/password/", form)
    cast.hana.refresh_from_db()
    assert cast.hana.check_password(OTHER)
    event = since.one()
    assert (event.action, event.actor_id) == (Action.PASSWORD_SET, str(cast.ada.pk))
    assert "pbkdf2" not in str(event.details)
    assert "md5" not in str(event.details)


def test_a_password_that_its_owner_changes(hana: Client, cast: Cast) -> None:
    since = Events()
    form = {"old_password": PASSWORD, "new_password1": OTHER, "new_password2": OTHER}
    hana.post("/password/", form)
    assert since.one().action == Action.PASSWORD_CHANGED


def test_a_lock_that_is_opened_before_its_time(ada: Client, cast: Cast) -> None:
    attempt = AccessAttempt.objects.create(
        username="hana", ip_address="127.0.0.1", failures_since_start=10, attempt_time=timezone.now()
    )
    since = Events()
    ada.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    event = since.one()
    assert (event.action, event.subject_id, event.actor_id) == (
        Action.SIGN_IN_UNLOCKED, UUID(int=cast.hana.pk), str(cast.ada.pk),
    )  # fmt: skip


def run(*command: Any, **options: Any) -> None:
    call_command(*command, stdout=io.StringIO(), **options)


COMMANDS: dict[str, tuple[str, ...]] = {
    Action.LOGIN_CREATED: ("create_login", "nils", "--role", "hr"),
    Action.PASSWORD_SET: ("changepassword", "hana"),
    Action.SIGN_IN_UNLOCKED: ("axes_reset",),
}


@pytest.mark.parametrize("action", COMMANDS)
def test_a_command_leaves_an_event(cast: Cast, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    since = Events()
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: OTHER)
    run(*COMMANDS[action])
    event = since.one()
    assert (event.action, event.actor_kind, bool(event.details["via"])) == (action, "system", True)


def test_a_superuser_that_is_made_by_command(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    since = Events()
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", username="root", email="", interactive=False)
    event = since.one()
    assert (event.action, event.details["via"]) == (Action.LOGIN_CREATED, "createsuperuser")
    assert event.details["after"]["is_superuser"] is True


def test_what_roles_may_do_in_admin(cast: Cast) -> None:
    since = Events()
    ensure_roles()
    assert AuditEvent.objects.count() == since.seen
    reviewer = Group.objects.get(name="reviewer")
    reviewer.permissions.clear()
    assert set(UnrecordedWrite.objects.values_list("table_name", flat=True)) == {"auth_group_permissions"}
    ensure_roles()
    event = AuditEvent.objects.latest("sequence")
    assert shown(event)[:2] == (Action.ROLE_PERMISSIONS_CHANGED, {"reviewer": []})


GIVE_ROLE = """INSERT INTO accounts_user_groups (user_id, group_id)
SELECT u.id, g.id FROM accounts_user u, auth_group g WHERE u.username = 'hana' AND g.name = 'admin'"""
TAKE_ROLES = "DELETE FROM accounts_user_groups USING accounts_user u WHERE user_id = u.id AND username = 'hana'"


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("UPDATE accounts_user SET is_superuser = true WHERE username = 'hana'", ["is_superuser"]),
        ("UPDATE accounts_user SET password = 'x', scopes = '{identify}' WHERE username = 'hana'",
            ["password", "scopes"]),
        (GIVE_ROLE, ["user_id", "group_id"]),
        (TAKE_ROLES, ["user_id", "group_id"]),
    ],
)  # fmt: skip
def test_what_is_written_past_the_service_is_noted_by_the_database_and_told(
    cast: Cast, statement: str, columns: list[str]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert (logins.tell_unrecorded(), logins.tell_unrecorded()) == (1, 0)
    event = AuditEvent.objects.latest("sequence")
    assert (event.action, event.subject_id) == (Action.WRITTEN_PAST_SERVICE, UUID(int=cast.hana.pk))
    assert (event.details["columns"], event.actor_kind) == (columns, "system")


def test_a_sign_in_is_no_write_past_the_service(cast: Cast, settings: pytest_django.Settings) -> None:
    """Nor is keeping the same password in a better way, as a sign-in does after an update."""
    hashers = ("PBKDF2PasswordHasher", "MD5PasswordHasher")
    settings.PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}" for name in hashers]
    assert cast.hana.password.startswith("md5$")
    Client().post("/sign-in/", {"username": "hana", "password": PASSWORD})
    cast.hana.refresh_from_db()
    assert cast.hana.password.startswith("pbkdf2_sha256$")
    assert not UnrecordedWrite.objects.exists()


WRITES_IN_ADMIN = {
    User: {"add", "change"},
    AccessAttempt: {"delete"},
    ApiKey: {"add", "revoke"},
    WebhookDelivery: {"replay"},
    SecondFactor: {"reset"},
    # Its page is answered by the service of reviews alone (test_decide_review).
    Review: set(),
}
"""What Django admin lets an administrator write; each has its test here, in test_api_keys, in
test_webhooks or in test_second_factor."""


def test_admin_writes_nothing_else(cast: Cast) -> None:
    request = RequestFactory().get("/")
    request.user = cast.ada
    found = {}
    for model, page in admin.site._registry.items():
        rights = {act for act in ("add", "change", "delete") if getattr(page, f"has_{act}_permission")(request)}
        own = set(page.actions or ()) | (set(page.get_actions(request)) if page.actions is None else set())
        found[model] = rights | (own - {"delete_selected"})
    assert {model: acts for model, acts in found.items() if acts} == {m: a for m, a in WRITES_IN_ADMIN.items() if a}


ROOMS = ("heirloom", "enrollment", "verification")
WRITERS = re.compile(
    r"set_password\(|create_user\(|create_superuser\(|groups\.(set|add|remove|clear)\(|user_permissions\.(set|add|remove|clear)\(|"
    r"permissions\.(set|add|remove|clear)\(|User\.objects\.(create|update|bulk_create|bulk_update|filter\(.*\.(update|delete))\("
)


def test_no_code_but_the_service_writes_logins() -> None:
    found = [
        path.relative_to(settings.BASE_DIR).as_posix()
        for room in ROOMS
        for path in sorted((settings.BASE_DIR / room).rglob("*.py"))
        if "migrations" not in path.parts and WRITERS.search(path.read_text())
    ]
    # models.py: the same password, kept in a better way.
    assert found == ["heirloom/accounts/models.py", "heirloom/accounts/services.py"]


RECORD = {"create_login", "outside_login", "createsuperuser", "changepassword", "rotate_keys", "prepare", "audit",
          "axes_reset", "axes_reset_ip", "axes_reset_ip_username", "axes_reset_username", "axes_reset_logs",
          "axes_reset_failure_logs"}  # fmt: skip
"""Commands that write what is grave, and leave an event."""


def test_commands_that_write_logins_are_ours() -> None:
    where = get_commands()
    assert {name for name in RECORD if not str(where.get(name)).startswith(ROOMS)} == set()


def test_the_database_is_not_emptied_by_a_command(cast: Cast) -> None:
    """`flush` would take the log with it, which the database refuses."""
    from django.core.management.base import CommandError

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_no_truncate")
    with pytest.raises(CommandError, match="couldn't be flushed"):
        run("flush", interactive=False)
