"""Whoever has the app's role, and even the owner's, cannot write the log anew without the key ring."""

import base64
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_django
from django.core.management import call_command
from django.core.management.base import CommandError

from heirloom.audit import keys as audit_keys
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.services import FIRST_HASH, hash_of, record, verify
from heirloom.crypto import keys
from tests.audit.rings import use_ring
from tests.audit.tampering import chain_anew, events, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ring_of_this_test(settings: pytest_django.Settings) -> Iterator[None]:
    settings.AUDIT_ANCHOR_FILE = ""
    use_ring(settings, old=1)
    yield
    keys.ring.cache_clear()


def older_events(count: int) -> None:
    """Write events as they were before they were keyed."""
    head = FIRST_HASH
    for number in range(1, count + 1):
        event = events(1)[0]
        event.key_id = event.mac = ""
        event.sequence, event.previous_hash = number, head
        event.hash = head = hash_of(event)
        tamper("DELETE FROM audit_auditevent WHERE key_id <> ''")
        event.save(force_insert=True)


def test_each_event_is_vouched_for_by_a_key_of_the_ring() -> None:
    events(3)
    found = verify()
    assert (found.events, found.proved_to, found.intact) == (3, 3, True)
    assert set(AuditEvent.objects.values_list("key_id", flat=True)) == {"old"}


def test_a_log_that_was_cut_in_the_middle_and_chained_anew_is_found() -> None:
    events(5)
    chain_anew(row for row in AuditEvent.objects.order_by("sequence") if row.sequence != 3)
    found = verify()
    assert found.broken_at == 3
    assert "without the key ring" in found.fault


def test_an_event_that_was_changed_and_all_after_it_chained_anew_is_found() -> None:
    events(5)
    tamper("UPDATE audit_auditevent SET actor_id = '9' WHERE sequence = 2")
    chain_anew()
    assert verify().broken_at == 2


def test_a_log_written_anew_from_its_beginning_without_keys_is_found() -> None:
    events(5)
    tamper("UPDATE audit_auditevent SET actor_id = '9', key_id = '', mac = ''")
    chain_anew()
    found = verify()
    assert not found.intact
    assert "no event has the code of a key" in found.doubts[0]


def test_a_log_written_anew_under_a_key_that_is_not_in_the_ring_is_found() -> None:
    events(5)
    tamper("UPDATE audit_auditevent SET key_id = 'gone', mac = repeat('0', 64)")
    chain_anew()
    assert "nobody vouches for events 1 to 5" in verify().doubts[0]


def test_an_event_put_at_the_end_by_the_apps_role_is_found() -> None:
    last = events(2)[-1]
    forged = AuditEvent(
        sequence=3,
        at=last.at,
        actor_kind="system",
        action=Action.PERSON_ERASED,
        subject_kind="person",
        subject_id=uuid4(),
        previous_hash=last.hash,
        key_id="old",
        mac="0" * 64,
    )
    forged.hash = hash_of(forged)
    forged.save(force_insert=True)
    assert verify().broken_at == 3


def test_events_without_a_key_are_the_oldest_alone() -> None:
    events(3)
    tamper("UPDATE audit_auditevent SET key_id = '', mac = '' WHERE sequence = 3")
    assert "without the code of a key" in verify().fault


def test_events_from_before_keys_hold_as_before_up_to_the_event_that_says_so() -> None:
    older_events(3)
    assert not verify().intact
    events(1)
    found = verify()
    assert (found.events, found.unkeyed, found.proved_to, found.intact) == (5, 3, 5, True)
    switch = AuditEvent.objects.get(action=Action.AUDIT_KEYED)
    assert (switch.sequence, switch.details) == (4, {"ring_key": "old", "events": 3})


def test_older_events_cannot_be_chained_anew_once_a_key_vouches_for_them() -> None:
    older_events(3)
    events(1)
    tamper("UPDATE audit_auditevent SET actor_id = '9' WHERE sequence = 1")
    chain_anew()
    assert verify().broken_at == 4


def test_a_rotation_begins_an_epoch_and_the_ones_before_stay_provable(settings: pytest_django.Settings) -> None:
    events(2)
    use_ring(settings, new=2, old=1)
    events(1)
    call_command("rotate_keys", stdout=StringIO())
    events(1)
    began = AuditEvent.objects.get(action=Action.AUDIT_EPOCH_BEGAN)
    assert began.details == {"ring_key": "new", "events": 3, "before": "old"}
    names = AuditEvent.objects.order_by("sequence").values_list("key_id", flat=True)
    assert list(names) == ["old", "old", "old", "new", "new"]
    assert verify().proved_to == 5


def test_a_process_that_lacks_the_key_of_the_epoch_begins_one_of_its_own(settings: pytest_django.Settings) -> None:
    events(1)
    use_ring(settings, new=2)
    events(1)
    names = AuditEvent.objects.order_by("sequence").values_list("key_id", "action")
    assert [key for key, _ in names] == ["old", "new", "new"]
    assert names[1][1] == Action.AUDIT_EPOCH_BEGAN
    assert verify().intact


def test_after_a_key_left_the_ring_the_epoch_rests_on_the_one_after_it(settings: pytest_django.Settings) -> None:
    events(3)
    use_ring(settings, new=2)
    events(1)
    assert verify().intact
    tamper("UPDATE audit_auditevent SET actor_id = '9' WHERE sequence = 2")
    chain_anew()
    found = verify()
    assert (found.broken_at, found.intact) == (4, False)


def test_another_ring_under_the_same_name_proves_nothing(settings: pytest_django.Settings) -> None:
    events(1)
    use_ring(settings, old=3)
    assert verify().broken_at == 1


def test_a_key_of_the_log_opens_no_data(settings: pytest_django.Settings) -> None:
    given = json.loads(audit_keys.of_ring().dump())["audit_keys"][0]["key"]
    assert base64.b64decode(given) != keys.ring().first.secret


def test_an_exported_log_is_proved_by_its_keys_and_a_changed_one_is_not(tmp_path: Path) -> None:
    events(4)
    log, held, out = tmp_path / "log", tmp_path / "keys", StringIO()
    call_command("audit", "export", str(log), keys=held, stdout=out)
    assert log.stat().st_mode & 0o077 == 0
    assert held.stat().st_mode & 0o077 == 0
    call_command("audit", "verify", log=log, keys=held, stdout=out)
    assert "5 events" in out.getvalue()
    lines = log.read_text().splitlines()
    log.write_text("\n".join([*lines[:1], *lines[2:]]))
    with pytest.raises(CommandError, match="event 2 is missing"):
        call_command("audit", "verify", log=log, keys=held)


def test_an_exported_log_alone_proves_nothing_and_is_not_said_to_hold(tmp_path: Path) -> None:
    events(1)
    call_command("audit", "export", str(tmp_path / "log"), stdout=StringIO())
    with pytest.raises(CommandError, match="Nothing vouches"):
        call_command("audit", "verify", log=tmp_path / "log")


def test_an_export_leaves_an_event_and_writes_over_nothing(tmp_path: Path) -> None:
    call_command("audit", "export", str(tmp_path / "log"), stdout=StringIO())
    assert AuditEvent.objects.get().details == {"with_keys": False}
    with pytest.raises(CommandError, match="exists"):
        call_command("audit", "export", str(tmp_path / "log"))


def test_an_event_is_refused_where_there_is_no_key(settings: pytest_django.Settings, tmp_path: Path) -> None:
    from django.core.exceptions import ImproperlyConfigured

    settings.ENCRYPTION_KEYS, settings.EMBEDDED, settings.KEY_RING_FILE = "", False, tmp_path / "none"
    keys.ring.cache_clear()
    with pytest.raises(ImproperlyConfigured):
        record(action=Action.EVIDENCE_VIEWED, subject_kind="verification", subject_id=uuid4())
