"""Sign-ins stand in the audit log, without the names that were typed."""

from uuid import UUID

import pytest
from django.test import Client
from rest_framework.test import APIClient

from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.audit.sign_ins import NOBODY
from tests.cast import PASSWORD, Cast

pytestmark = pytest.mark.django_db


def sign_in(door: str, username: str, password: str = PASSWORD) -> None:
    given = {"username": username, "password": password}
    if door == "api":
        APIClient().post("/api/v1/auth/token/", given, format="json")
    else:
        Client().post("/sign-in/", given)


def recorded() -> list[tuple[str, UUID, str]]:
    events = AuditEvent.objects.filter(action__startswith="sign_in.").order_by("sequence")
    return [(event.action, event.subject_id, event.details["door"]) for event in events]


@pytest.mark.parametrize("door", ["api", "portal"])
def test_a_sign_in_and_a_wrong_password_are_recorded(cast: Cast, door: str) -> None:
    sign_in(door, "hana")
    sign_in(door, "hana", "wrong")
    sign_in(door, "typed-by-mistake")
    hana = UUID(int=cast.hana.pk)
    assert recorded() == [
        (Action.SIGN_IN_SUCCEEDED, hana, door),
        (Action.SIGN_IN_FAILED, hana, door),
        (Action.SIGN_IN_FAILED, NOBODY, door),
    ]
    assert "typed" not in str(list(AuditEvent.objects.values_list("details")))
    assert audit.verify().intact


@pytest.mark.parametrize("door", ["api", "portal"])
def test_a_lock_is_recorded_once_however_often_it_is_tried(cast: Cast, door: str) -> None:
    for _ in range(13):
        sign_in(door, "hana", "wrong")
    assert [action for action, *_ in recorded()] == [Action.SIGN_IN_FAILED] * 9 + [Action.SIGN_IN_LOCKED]


def test_a_form_left_empty_is_no_try(cast: Cast) -> None:
    sign_in("portal", "hana", "")
    assert recorded() == []


def test_a_password_that_others_saw_opens_no_api(cast: Cast) -> None:
    cast.hana.must_change_password = True
    cast.hana.save()
    given = {"username": "hana", "password": PASSWORD}
    answer = APIClient().post("/api/v1/auth/token/", given, format="json")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "password_change_required"
    assert AuditEvent.objects.get(action__startswith="sign_in.").details["reason"] == "password_change_required"
