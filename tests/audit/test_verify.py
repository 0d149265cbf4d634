from io import StringIO
from uuid import uuid4

import pytest
import pytest_django
from django.core.management import call_command
from django.core.management.base import CommandError

from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.services import hash_of, record, verify
from tests.audit.tampering import tamper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_anchors(settings: pytest_django.Settings) -> None:
    settings.AUDIT_ANCHOR_FILE = ""


@pytest.fixture
def five_events() -> None:
    for _ in range(5):
        record(action=Action.EVIDENCE_VIEWED, subject_kind="verification", subject_id=uuid4())


def test_an_empty_log_holds() -> None:
    assert verify().intact


@pytest.mark.usefixtures("five_events")
@pytest.mark.parametrize(
    ("statement", "sequence", "whole", "fault"),
    [
        ("UPDATE audit_auditevent SET actor_id = '9' WHERE sequence = 3", 3, 2, "changed"),
        ("UPDATE audit_auditevent SET at = at + interval '1 microsecond' WHERE sequence = 3", 3, 2, "changed"),
        ("UPDATE audit_auditevent SET details = '{\"a\": 1}' WHERE sequence = 1", 1, 0, "changed"),
        ("DELETE FROM audit_auditevent WHERE sequence = 2", 3, 1, "event 2 is missing"),
        ("DELETE FROM audit_auditevent WHERE sequence = 1", 2, 0, "event 1 is missing"),
        ("UPDATE audit_auditevent SET previous_hash = repeat('0', 64) WHERE sequence = 4", 4, 3, "not chained"),
    ],
)
def test_tampering_is_found_at_the_first_row_that_does_not_hold(
    statement: str, sequence: int, whole: int, fault: str
) -> None:
    tamper(statement)
    result = verify()
    assert (result.broken_at, result.events) == (sequence, whole)
    assert fault in result.fault


@pytest.mark.usefixtures("five_events")
def test_an_event_whose_hash_was_made_to_fit_is_found_itself() -> None:
    event = AuditEvent.objects.get(sequence=2)
    event.actor_id = "9"
    tamper(f"UPDATE audit_auditevent SET actor_id = '9', hash = '{hash_of(event)}' WHERE sequence = 2")
    assert verify().broken_at == 2
    assert "without the key ring" in verify().fault


@pytest.mark.usefixtures("five_events")
def test_the_command_says_that_the_log_holds() -> None:
    out = StringIO()
    call_command("audit", "verify", stdout=out)
    assert "5 events" in out.getvalue()


@pytest.mark.usefixtures("five_events")
def test_the_command_fails_and_names_the_row() -> None:
    tamper("UPDATE audit_auditevent SET actor_id = '9' WHERE sequence = 3")
    with pytest.raises(CommandError, match="broken at event 3") as caught:
        call_command("audit", "verify")
    assert caught.value.returncode == 1


def test_the_hash_never_changes_between_versions() -> None:
    from datetime import UTC, datetime
    from uuid import UUID

    event = AuditEvent(
        sequence=1,
        at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        actor_kind="user",
        actor_id="4",
        action="person.created",
        subject_kind="person",
        subject_id=UUID(int=7),
        details={"b": 1, "a": "ü"},
        previous_hash="0" * 64,
    )
    assert hash_of(event) == "0a4ef5704d86797f221d5cc315b60550ce04aef58b301fb6115125cf304c970b"
