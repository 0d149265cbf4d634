"""What decides leaves an event when it is changed: settings, policies, weights, API keys, webhooks; never in words."""

from pathlib import Path

import pytest
import pytest_django
from django.conf import settings as configured

from enrollment.services import policies
from heirloom.api import keys
from heirloom.audit import configuration
from heirloom.audit.models import Action, AuditEvent
from heirloom.jobs import packs
from heirloom.vision import catalog
from heirloom.webhooks import services as webhooks
from tests.cast import make_cast

pytestmark = pytest.mark.django_db


def last() -> AuditEvent:
    return AuditEvent.objects.latest("sequence")


def test_a_start_with_another_setting_leaves_what_it_was_and_is(settings: pytest_django.Settings) -> None:
    settings.ATTACK_CHECK_REQUIRED = True
    assert (configuration.note_changes(), configuration.note_changes()) == (True, False)
    settings.ATTACK_CHECK_REQUIRED = False
    assert configuration.note_changes()
    event = last()
    assert event.action == Action.SETTINGS_CHANGED
    assert event.details["before"] == {"ATTACK_CHECK_REQUIRED": "True"}
    assert event.details["after"] == {"ATTACK_CHECK_REQUIRED": "False"}


def test_no_secret_is_among_the_settings_that_are_recorded() -> None:
    for name in configured.AUDITED_SETTINGS:
        assert hasattr(configured, name)
        assert not any(word in name for word in ("KEY", "SECRET", "TOKEN", "PASSWORD", "DATABASE"))


def test_a_policy_that_is_put_into_force_leaves_its_hash(settings: pytest_django.Settings, tmp_path: Path) -> None:
    settings.POLICY_DIR = tmp_path
    assert not policies.note_changes()
    (tmp_path / "attack").mkdir()
    (tmp_path / "attack" / "minifasnet.json").write_text("{}")
    assert (policies.note_changes(), policies.note_changes()) == (True, False)
    assert (last().action, last().details["before"]) == (Action.POLICY_ACTIVATED, {})
    assert list(last().details["after"]) == ["attack/minifasnet.json"]


def test_weights_that_are_pulled_leave_their_hash() -> None:
    published = next(name for name, weights in catalog.entries().items() if weights.sha256)
    assert packs.note_pulled([published])
    assert last().action == Action.MODELS_PULLED
    assert last().details["files"] == {published: [catalog.entry(published).sha256]}


def test_a_key_that_is_given_more_or_less_leaves_what_it_had() -> None:
    cast = make_cast()
    cast.cleo.scopes = ["identify"]
    cast.cleo.save()
    key = keys.create(owner=cast.cleo, name="Grace Hopper's", actor=cast.ada, scopes=["identify"]).key
    keys.update(key=key, actor=cast.ada, scopes=[])
    assert (last().details["before"], last().details["after"]) == ({"scopes": ["identify"]}, {"scopes": []})
    assert "Hopper" not in str(list(AuditEvent.objects.values_list("details")))


def test_a_webhook_that_is_changed_leaves_what_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    cast = make_cast()
    monkeypatch.setattr(webhooks.targets, "resolve", lambda _: ("203.0.113.5",))
    endpoint, _ = webhooks.create(owner=cast.cleo, url="https://hooks.example/secret", events=["verification.decided"])
    webhooks.update(endpoint=endpoint, actor=cast.cleo, active=False)
    assert (last().details["before"], last().details["after"]) == ({"active": True}, {"active": False})
    webhooks.update(endpoint=endpoint, actor=cast.cleo, url="https://hooks.example/other")
    assert list(last().details["after"]) == ["url"]
    assert "hooks.example" not in str(list(AuditEvent.objects.values_list("details")))
