"""A client app vouches for the consent of people whom it made, or by a basis that an admin recorded."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from enrollment.models import Person
from enrollment.services import consents, people
from heirloom.accounts.models import User
from heirloom.accounts.services import create_login
from heirloom.errors import Refusal
from tests.cast import PASSWORD, Cast, caller, make_cast
from tests.pictures import b64, landscape

BASIS = {"policy_version": "2026-1", "method": "recorded_basis"}


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def kiosk(cast: Cast) -> User:
    return create_login(username="kiosk", password=PASSWORD, roles=("client",), scopes=("people:write",))


def attest(who: Person, actor: User, **more: Any) -> None:
    given = {"policy_version": "2026-1", "method": "electronic", "given_at": timezone.now(), **more}
    consents.give(person=who, actor=actor, **given)


def refused() -> "pytest.RaisesExc[Refusal]":
    return pytest.raises(Refusal, check=lambda refusal: refusal.code == "consent_not_attestable")


def test_for_somebody_whom_hr_made_a_client_vouches_for_nothing(cast: Cast, kiosk: User) -> None:
    who = people.create_person(full_name="Eileen", external_id="emp-1", actor=cast.hana)
    with refused():
        attest(who, kiosk)
    body = {
        "person_name": "Eileen",
        "person_id": "emp-1",
        "face_image_base64": b64(landscape()),
        "processing_mode": "async",
        "consent": {"policy_version": "2026-1", "method": "electronic", "given_at": "2026-01-05T09:00:00Z"},
    }
    answer = caller(kiosk).post("/api/v1/add-face/", body, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "consent_not_attestable")
    assert not who.consents.exists()


def test_for_whom_it_made_a_client_vouches(kiosk: User, cast: Cast) -> None:
    who = people.create_person(full_name="Eileen", actor=kiosk)
    attest(who, kiosk)
    assert who.consents.active().get().recorded_by == kiosk
    with refused():
        attest(who, cast.carl, policy_version="2026-2")


def test_by_its_recorded_basis_a_client_vouches_for_anybody_and_by_no_other_text(cast: Cast, kiosk: User) -> None:
    kiosk.consent_basis = BASIS
    who = people.create_person(full_name="Eileen", actor=cast.hana)
    with refused():
        attest(who, kiosk, **{**BASIS, "policy_version": "2027-1"})
    attest(who, kiosk, **BASIS)
    assert who.consents.active().exists()


def test_what_was_withdrawn_no_basis_brings_back_and_no_earlier_consent(cast: Cast, kiosk: User) -> None:
    kiosk.consent_basis = BASIS
    who = people.create_person(full_name="Eileen", actor=kiosk)
    attest(who, kiosk, **BASIS)
    consents.withdraw(consent=who.consents.get(), actor=cast.hana)
    with refused():
        attest(who, kiosk, **BASIS)
    with refused():
        attest(who, kiosk, given_at=timezone.now() - timedelta(hours=1))
    attest(who, kiosk)
    assert who.consents.active().get().method == "electronic"


def test_an_active_consent_to_the_same_text_stays_whoever_sends_it_again(cast: Cast, kiosk: User) -> None:
    who = people.create_person(full_name="Eileen", actor=cast.hana)
    attest(who, cast.hana)
    attest(who, kiosk)
    assert who.consents.get().recorded_by == cast.hana
