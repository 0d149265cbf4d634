"""What fails is told by its kind: no log repeats the row that a database refused, nor what somebody typed."""

import logging
import threading
from collections.abc import Iterator

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db import Error, connection, transaction
from django.test import Client

from enrollment.models import Person
from enrollment.services import people
from heirloom.embedded import doctor_services, postgres
from heirloom.embedded.findings import State
from heirloom.errors import Refusal
from heirloom.logs import Line, Routes
from tests.cast import PASSWORD, Cast, caller

CANARY = "Zaphod Canary"


def told(error: BaseException) -> str:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", None, (type(error), error, error.__traceback__))
    return Line("{message}", style="{").format(record)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO enrollment_person (id, full_name) VALUES (gen_random_uuid(), %s)",
        "SELECT %s::uuid",
        "SELECT %s::jsonb",
    ],
)
def test_a_traceback_of_the_database_has_no_values(statement: str) -> None:
    with pytest.raises(Error, match="Canary") as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [CANARY])
    text = told(caught.value)
    assert "Canary" not in text
    assert "DETAIL" not in text
    assert "Error: " in text


def test_our_logs_are_written_so() -> None:
    assert settings.LOGGING["formatters"]["line"]["()"] == "heirloom.logs.Line"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/people/Canary%20Zaphod/", "/Canary/", "/people/canary/"])
def test_a_log_names_the_route_and_not_the_address_that_was_asked_for(
    cast: Cast, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caller(cast.hana).get(path)
    records = [record for record in caplog.records if record.name == "django.request"]
    assert records
    assert all(Routes().filter(record) for record in records)
    said = " ".join(record.getMessage() for record in records)
    assert "anary" not in said
    assert "people/" in said or "leads nowhere" in said


@pytest.fixture
def no_failed_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """See what the server refuses: nothing must be, since it writes that down."""
    refused: list[str] = []

    def watch(execute, sql, params, many, context):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        try:
            return execute(sql, params, many, context)
        except Error:
            refused.append(sql)
            raise

    with connection.execute_wrapper(watch):
        yield
    assert not refused


@pytest.mark.django_db
def test_a_number_that_is_taken_is_found_before_anything_is_inserted(no_failed_statements: None) -> None:
    people.create_person(full_name="First", employee_id="E-1", external_id="one", actor=None)
    other = people.create_person(full_name="Other", actor=None)
    with pytest.raises(Refusal, match="employee_id_taken"):
        people.create_person(full_name=CANARY, employee_id="E-1", actor=None)
    with pytest.raises(Refusal, match="validation_error"):
        people.create_person(full_name=CANARY, external_id="one", actor=None)
    with pytest.raises(Refusal, match="employee_id_taken"):
        people.update_person(person=other, employee_id="E-1", actor=None)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_come_at_once_one_is_refused_and_no_statement_fails() -> None:
    refused: list[str] = []
    failed: list[Error] = []
    both = threading.Barrier(2)

    def create(number: int) -> None:
        try:
            with transaction.atomic():
                both.wait(10)
                people.create_person(full_name=f"{CANARY} {number}", employee_id="E-1", actor=None)
        except Refusal as refusal:
            refused.append(refusal.code)
        except Error as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=create, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (refused, failed, Person.objects.count()) == (["employee_id_taken"], [], 1)


@pytest.mark.django_db
@pytest.mark.parametrize("door", ["/sign-in/", "/api/v1/auth/token/"])
def test_a_password_typed_into_the_field_of_the_name_is_kept_nowhere(
    cast: Cast, door: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    typed = "correct-horse-canary"
    for _ in range(2):
        given = {"username": typed, "password": f"{typed}-2", "more": typed}
        how = {"content_type": "application/json"} if "api" in door else {}
        Client().post(f"{door}?next={typed}", given, **how)  # type: ignore[arg-type]
    attempt = AccessAttempt.objects.get()
    kept = " ".join(str(value) for value in vars(attempt).values())
    assert attempt.failures_since_start == 2
    assert "canary" not in kept + caplog.text + "".join(capsys.readouterr())


@pytest.mark.django_db
def test_names_that_no_login_has_are_locked_as_others_are(cast: Cast) -> None:
    for _ in range(10):
        answer = Client().post("/sign-in/", {"username": "nobody", "password": "wrong"})
    assert answer.status_code == 429
    assert Client().post("/sign-in/", {"username": "somebody", "password": "wrong"}).status_code == 200
    assert Client().post("/sign-in/", {"username": "hana", "password": PASSWORD}).status_code == 302


@pytest.mark.django_db
def test_doctor_tells_of_a_server_that_writes_statements_down() -> None:
    quiet = doctor_services.database_log()
    with connection.cursor() as cursor:
        cursor.execute("SET log_min_error_statement = 'error'")
        cursor.execute("SET log_parameter_max_length_on_error = 1024")
    loud = doctor_services.database_log()
    with connection.cursor() as cursor:
        cursor.execute("RESET log_min_error_statement; RESET log_parameter_max_length_on_error")
    assert quiet.state is State.OK
    assert loud.state is State.WARNING
    assert "log_min_error_statement, log_parameter_max_length_on_error" in loud.detail
    assert loud.remedy


def test_what_the_embedded_server_is_told_is_what_doctor_asks_of_any() -> None:
    assert all(postgres.QUIET[name] in values for name, values in postgres.QUIET_ENOUGH.items())
