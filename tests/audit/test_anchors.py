"""What was cut off is found by what left the machine, whoever has the database, and even the key ring."""

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from heirloom.audit import keys, services
from heirloom.audit.anchors import services as anchors
from heirloom.audit.anchors.anchor import Anchor, Fault
from heirloom.audit.models import Action, AnchorState, AuditEvent
from heirloom.audit.services import VerifyResult
from tests.audit.authority import authority, served
from tests.audit.tampering import chain_anew, events, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def file(settings: pytest_django.Settings, tmp_path: Path) -> Path:
    """Where the anchors of these tests go."""
    settings.AUDIT_ANCHOR_FILE = str(tmp_path / "elsewhere" / "anchors.jsonl")
    return Path(settings.AUDIT_ANCHOR_FILE)


def found() -> VerifyResult:
    return services.verify(anchors.reachable()[0])


def later(**ago: float) -> None:
    """Let the last anchor and attempt lie back by so much."""
    then = timezone.now() - timedelta(**ago)
    AnchorState.objects.update(anchored_at=then, tried_at=then)


def test_an_anchor_states_the_last_event_and_is_vouched_for(file: Path) -> None:
    last = events(3)[-1]
    assert anchors.anchor_due() == 1
    (line,) = file.read_text().splitlines()
    anchor = Anchor.parse(line)
    assert (anchor.sequence, anchor.hash, anchor.installation) == (3, last.hash, anchors.installation())
    assert anchor.is_vouched(keys.of_ring())
    assert file.stat().st_mode & 0o077 == 0
    assert (found().anchored_to, found().unanchored, found().intact) == (3, 0, True)


def test_a_cut_tail_is_found(file: Path) -> None:
    events(5)
    anchors.anchor_due()
    tamper("DELETE FROM audit_auditevent WHERE sequence > 3")
    assert not found().intact
    assert "its end was cut" in found().doubts[0]


def test_a_log_that_was_emptied_is_found(file: Path) -> None:
    events(5)
    anchors.anchor_due()
    tamper("DELETE FROM audit_auditevent")
    assert "the log ends at 0" in found().doubts[0]


def test_what_was_cut_and_written_over_by_ordinary_events_is_found(file: Path) -> None:
    events(5)
    anchors.anchor_due()
    tamper("DELETE FROM audit_auditevent WHERE sequence > 3")
    events(10)
    assert "changed and chained anew" in found().doubts[0]


def test_whoever_has_the_ring_too_is_found_by_the_anchors_alone(file: Path) -> None:
    events(5)
    anchors.anchor_due()
    rows = [row for row in AuditEvent.objects.order_by("sequence") if row.sequence != 3]
    chain_anew(rows, keys.of_ring())
    events(3)
    assert services.verify().intact
    assert "changed and chained anew" in found().doubts[0]


def test_all_since_the_last_anchor_may_be_gone_and_verify_says_up_to_where_it_knows(file: Path) -> None:
    events(5)
    anchors.anchor_due()
    events(4)
    tamper("DELETE FROM audit_auditevent WHERE sequence > 7")
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert "events 1 to 5 (file, " in out.getvalue()
    assert "Not anchored: the newest 2 events" in out.getvalue()


def test_a_log_without_any_anchor_is_said_to_be_without(settings: pytest_django.Settings) -> None:
    settings.AUDIT_ANCHOR_FILE = ""
    events(2)
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert "Not anchored: the newest 2 events" in out.getvalue()


def test_an_exported_log_is_proved_against_anchors_without_any_key(file: Path, tmp_path: Path) -> None:
    events(3)
    log, out = tmp_path / "log", StringIO()
    call_command("audit", "export", str(log), stdout=out)
    anchors.anchor_due()
    call_command("audit", "verify", log=log, anchors=[file], stdout=out)
    assert "events 1 to 4" in out.getvalue()
    assert "no" in out.getvalue()
    log.write_text("\n".join(log.read_text().splitlines()[:3]))
    with pytest.raises(CommandError, match="its end was cut"):
        call_command("audit", "verify", log=log, anchors=[file])


def test_an_exported_log_needs_no_database(file: Path, tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    events(3)
    call_command("audit", "export", str(tmp_path / "log"), keys=tmp_path / "keys", stdout=StringIO())
    anchors.anchor_due()
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "DATABASE_POOL": "0",
        "ALLOWED_HOSTS": "h",
        "ENCRYPTION_KEYS": "",
    }
    command = [sys.executable, "manage.py", "audit", "verify", "--log", tmp_path / "log"]
    command += ["--anchors", file, "--keys", tmp_path / "keys"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "The audit log holds: 4 events" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("change", ["sequence", "hash", "at"])
def test_an_anchor_that_was_changed_is_not_relied_on(file: Path, change: str) -> None:
    events(3)
    anchors.anchor_due()
    anchor = json.loads(file.read_text())
    anchor[change] = {"sequence": 2, "hash": "0" * 64, "at": "2020-01-01T00:00:00+00:00"}[change]
    file.write_text(json.dumps(anchor) + "\n")
    assert "not vouched for by its key" in found().doubts[0]


def test_anchors_of_another_installation_are_not_taken_for_ours(file: Path) -> None:
    from heirloom.audit.models import Installation

    events(1)
    anchors.anchor_due()
    Installation.objects.all().delete()
    assert "another installation" in found().doubts[0]


def test_a_line_that_broke_off_spoils_none_but_itself(file: Path) -> None:
    events(1)
    anchors.anchor_due()
    with file.open("a") as written:
        written.write('{"installation": "')
    events(1)
    later(hours=1)
    anchors.anchor_due()
    assert found().anchored_to == 2
    assert "cannot be read" in found().doubts[0]


def test_anchors_are_made_by_time_or_by_events(file: Path, settings: pytest_django.Settings) -> None:
    settings.AUDIT_ANCHOR_S, settings.AUDIT_ANCHOR_EVENTS = 300, 5
    events(1)
    done = [anchors.anchor_due(), anchors.anchor_due()]
    events(4)
    done.append(anchors.anchor_due())
    events(1)
    done.append(anchors.anchor_due())
    later(seconds=301)
    done.append(anchors.anchor_due())
    events(1)
    done.append(anchors.anchor_due())
    assert done == [1, 0, 0, 1, 0, 1]


def test_a_place_that_fails_is_told_tried_again_and_holds_up_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.mkdir()
    events(1)
    assert anchors.anchor_due() == 0
    state = AnchorState.objects.get()
    assert (state.failure, state.failures, state.sequence) == (Fault.NOT_WRITTEN, 1, 0)
    assert "not anchored" in caplog.text
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failures == 1
    file.rmdir()
    later(minutes=11)
    assert anchors.anchor_due() == 1
    assert AnchorState.objects.get().failures == 0


def test_a_log_that_was_cut_is_not_anchored_over_until_somebody_says_so(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events(5)
    anchors.anchor_due()
    tamper("DELETE FROM audit_auditevent WHERE sequence > 3")
    events(4)
    later(hours=1)
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failure == Fault.LOG_DIFFERS
    assert "lacks event 5" in caplog.text
    call_command("audit", "anchor", anew=True, stdout=StringIO())
    assert AuditEvent.objects.get(action=Action.AUDIT_ANCHORED_ANEW).details == {"before": {"file": 5}}
    assert AnchorState.objects.get().sequence == 8
    assert not found().intact


class Keeper(BaseHTTPRequestHandler):
    """Keeps what it is told."""

    kept: list[tuple[str | None, dict[str, Any]]] = []
    status = 204

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.kept.append((self.headers["Authorization"], json.loads(body)))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keeper(settings: pytest_django.Settings) -> Iterator[type[Keeper]]:
    Keeper.kept, Keeper.status = [], 204
    with served(Keeper) as address:
        settings.AUDIT_ANCHOR_FILE, settings.AUDIT_ANCHOR_URL, settings.AUDIT_ANCHOR_TOKEN = "", address, "let me in"
        yield Keeper


def test_a_webhook_gets_each_anchor(keeper: type[Keeper]) -> None:
    events(2)
    assert anchors.anchor_due() == 1
    ((sent, body),) = keeper.kept
    assert (sent, body["sequence"]) == ("Bearer let me in", 2)
    assert Anchor.parse(json.dumps(body)).is_vouched(keys.of_ring())


def test_a_webhook_that_refuses_is_told(keeper: type[Keeper]) -> None:
    keeper.status = 302
    events(1)
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failure == Fault.REFUSED


def test_a_webhook_that_is_away_is_told(settings: pytest_django.Settings) -> None:
    settings.AUDIT_ANCHOR_FILE, settings.AUDIT_ANCHOR_URL = "", "http://127.0.0.1:1/"
    events(1)
    assert anchors.anchor_due() == 0
    assert AnchorState.objects.get().failure == Fault.NOT_REACHED


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


@needs_openssl
def test_an_authority_stamps_each_anchor(file: Path, settings: pytest_django.Settings, tmp_path: Path) -> None:
    events(2)
    with authority(tmp_path) as (address, root):
        settings.AUDIT_TSA_URL, settings.AUDIT_TSA_CERTIFICATES = address, str(root)
        assert anchors.anchor_due() == 1
    assert AnchorState.objects.get(pk="timestamp").failure == ""
    assert (found().stamped_to, found().intact) == (2, True)


@needs_openssl
def test_a_stamp_of_another_anchor_or_of_another_authority_is_not_true(
    file: Path, settings: pytest_django.Settings, tmp_path: Path
) -> None:
    events(1)
    with authority(tmp_path) as (address, root):
        settings.AUDIT_TSA_URL, settings.AUDIT_TSA_CERTIFICATES = address, str(root)
        anchors.anchor_due()
        events(1)
        later(hours=1)
        anchors.anchor_due()
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    file.write_text(json.dumps({**second, "timestamp": first["timestamp"]}) + "\n")
    assert "a timestamp that is not true" in found().doubts[0]
    file.write_text(json.dumps(second) + "\n")
    other = tmp_path / "other"
    other.mkdir()
    with authority(other) as (_, root):
        settings.AUDIT_TSA_CERTIFICATES = str(root)
    assert "a timestamp that is not true" in found().doubts[0]


@needs_openssl
def test_an_authority_that_is_away_is_told_and_the_anchor_is_written_without(
    file: Path, settings: pytest_django.Settings, tmp_path: Path
) -> None:
    events(1)
    with authority(tmp_path) as (_, root):
        settings.AUDIT_TSA_URL, settings.AUDIT_TSA_CERTIFICATES = "http://127.0.0.1:1/", str(root)
    assert anchors.anchor_due() == 1
    assert AnchorState.objects.get(pk="timestamp").failure == Fault.NOT_REACHED
    assert found().anchored_to == 1
