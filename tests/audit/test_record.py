import threading
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from heirloom.accounts.models import User
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.services import FIRST_HASH, record, verify

ALICE = UUID(int=7)


def recorded(**details: object) -> AuditEvent:
    return record(action=Action.PERSON_CREATED, subject_kind="person", subject_id=ALICE, details=details)


@pytest.mark.django_db
def test_each_event_is_chained_to_the_one_before_it() -> None:
    first, second = recorded(), recorded(capture=uuid4())
    assert (first.sequence, first.previous_hash) == (1, FIRST_HASH)
    assert (second.sequence, second.previous_hash) == (2, first.hash)
    assert (verify().events, verify().head) == (2, second.hash)


@pytest.mark.django_db
def test_the_actor_is_named_by_number_and_without_one_it_was_the_system() -> None:
    hr = User.objects.create_user("hr-officer")
    event = record(action=Action.PERSON_ERASED, subject_kind="person", subject_id=ALICE, actor=hr)
    assert (event.actor_kind, event.actor_id) == ("user", str(hr.pk))
    assert recorded().actor_kind == "system"


@pytest.mark.django_db
def test_whatever_json_does_to_the_details_the_chain_holds() -> None:
    recorded(small=1e-7, large=1e300, nothing=None, who=uuid4(), words=("ü", "\u2028"), nested={"1": [True]})
    event = AuditEvent.objects.get()
    assert event.details["small"] == "1e-07"
    assert verify().intact


@pytest.mark.django_db
def test_an_act_that_fails_is_not_recorded() -> None:
    def act() -> None:
        with transaction.atomic():
            recorded()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET action = 'person.updated'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
    ],
)
def test_the_database_refuses_to_change_what_was_recorded(statement: str) -> None:
    recorded()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_event_no_truncate")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute(statement)
    assert verify() == verify()
    assert verify().events == 1


@pytest.mark.django_db(transaction=True)
def test_events_of_many_threads_make_one_chain() -> None:
    def several() -> None:
        for _ in range(10):
            recorded()
        connection.close()

    threads = [threading.Thread(target=several) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (verify().events, verify().intact) == (40, True)
