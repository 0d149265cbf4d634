"""No template without an active consent of the same person: the database holds it, whoever writes."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from enrollment.models import Capture, Consent, FaceTemplate, Person, PersonTemplate
from enrollment.services import consents, people, templates
from enrollment.services.templates import NewTemplate
from heirloom.vision.types import Template

pytestmark = pytest.mark.django_db
GIVEN = datetime(2026, 1, 5, tzinfo=UTC)


def person() -> Person:
    return people.create_person(full_name="X", actor=None)


def consent(who: Person, version: str = "2026-1", expires_at: datetime | None = None) -> Consent:
    return consents.give(
        person=who, policy_version=version, method="written", given_at=GIVEN, actor=None, expires_at=expires_at
    )


def capture(who: Person) -> Capture:
    return Capture.objects.create(
        subject=who.id, person=who, kind="image", mime="image/jpeg", source="test", sha256="0" * 64, size_bytes=1
    )


def template(who: Person, under: Consent) -> FaceTemplate:
    vector = np.zeros(128, np.float32)
    vector[0] = 1
    new = NewTemplate(capture(who), Template("m", vector), quality=80.0)
    return templates.add(person=who, consent=under, new=[new])[0]


@transaction.atomic
def template_now(who: Person, under: Consent) -> None:
    template(who, under)
    check_now()


def check_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_template_under_an_active_consent_is_taken() -> None:
    who = person()
    template(who, consent(who))
    check_now()
    assert PersonTemplate.objects.get(person=who).reference_count == 1


def test_a_template_under_somebody_elses_consent_is_impossible() -> None:
    who, other = person(), person()
    given = consent(other)
    with pytest.raises(IntegrityError, match="template_of_an_active_consent"):
        template_now(who, given)


def test_a_template_under_a_withdrawn_consent_is_impossible() -> None:
    who = person()
    given = consent(who)
    consents.withdraw(consent=given, actor=None)
    with pytest.raises(IntegrityError, match="template_of_an_active_consent"):
        template_now(who, given)


def test_a_template_that_claims_no_consent_is_impossible() -> None:
    who = person()
    made = template(who, consent(who))
    with pytest.raises(IntegrityError, match="template_needs_active_consent"), transaction.atomic():
        FaceTemplate.objects.filter(pk=made.pk).update(consent_active=False)


def test_withdrawing_past_the_services_is_stopped_while_templates_stand() -> None:
    who = person()
    given = consent(who)
    template(who, given)
    check_now()
    with pytest.raises(IntegrityError, match="template_of_an_active_consent"), transaction.atomic():
        Consent.objects.filter(pk=given.pk).update(is_active=False, withdrawn_at=timezone.now())


def test_withdrawal_deletes_every_template() -> None:
    who = person()
    given = consent(who)
    template(who, given)
    consents.withdraw(consent=given, actor=None)
    check_now()
    assert not FaceTemplate.objects.exists()
    assert not PersonTemplate.objects.exists()


def test_a_newer_text_takes_over_the_templates() -> None:
    who = person()
    made = template(who, consent(who))
    newer = consent(who, "2026-2")
    check_now()
    made.refresh_from_db()
    assert made.consent_id == newer.id
    assert who.consents.active().get() == newer


def test_the_same_text_twice_is_one_consent() -> None:
    who = person()
    assert consent(who) == consent(who)


def test_an_expired_consent_is_withdrawn() -> None:
    who = person()
    given = consent(who, expires_at=timezone.now() - timedelta(seconds=1))
    template(who, given)
    assert consents.withdraw_expired() == 1
    assert not who.consents.active().exists()
    assert not FaceTemplate.objects.exists()


def test_a_search_vector_of_another_size_than_it_says_is_impossible() -> None:
    who = person()
    template(who, consent(who))
    with pytest.raises(IntegrityError, match="vector_has_its_dimensions"), transaction.atomic():
        PersonTemplate.objects.update(dimensions=512)


def test_what_lies_in_the_database_is_not_the_vector() -> None:
    who = person()
    made = template(who, consent(who))
    exact = np.zeros(128, "<f4")
    exact[0] = 1
    assert exact.tobytes() not in bytes(made.vector_sealed)
    stored = np.asarray(PersonTemplate.objects.get(person=who).vector)
    assert abs(float(stored @ exact)) < 0.9
