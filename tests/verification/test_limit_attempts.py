"""Failed attempts on one person are limited: per caller, over all callers, and HR has the last word."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.audit.models import Action, AuditEvent
from heirloom.decision.verification import Outcome
from heirloom.errors import Refusal
from heirloom.portal.erasure import erase_person
from tests.cast import Cast, make_cast
from tests.pictures import landscape
from verification.models import CallerAttempts, FaceAttempts, SearchAttempts, Verification
from verification.services import attempts, verifications
from verification.services.claims import Claim

MATCH, BELOW = 0.97, 0.03


@pytest.fixture(autouse=True)
def shipped(settings: Any) -> None:
    """The limits of an installation; other tests try as often as they like."""
    settings.FACE_FAILURES_PER_CALLER, settings.FACE_FAILURES_PER_PERSON = 5, 10


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def eileen(db: None) -> Person:
    return Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")


def begun(owner: User, claim: Claim) -> Verification:
    row = Verification.objects.create(owner=owner, mode="verification", person=claim.person, claim=claim.token)
    try:
        attempts.admit(row, owner)
    except Refusal:
        row.delete()
        raise
    return row


def ended(row: Verification, outcome: Outcome, similarity: float | None = None, **more: Any) -> Verification:
    for name, value in {"outcome": outcome, "similarity": similarity, **more}.items():
        setattr(row, name, value)
    row.save()
    attempts.note_outcome(row)
    return row


def fail(owner: User, claim: Claim, times: int = 1) -> None:
    for _ in range(times):
        ended(begun(owner, claim), Outcome.REJECTED, BELOW)


def refused(owner: User, claim: Claim) -> Refusal:
    with pytest.raises(Refusal) as found:
        begun(owner, claim)
    return found.value


def later(seconds: float) -> None:
    CallerAttempts.objects.update(last_failed_at=timezone.now() - timedelta(seconds=seconds))


def test_after_five_failures_in_a_row_a_caller_waits_longer_each_time(cast: Cast, eileen: Person) -> None:
    claim = Claim.of(eileen)
    fail(cast.cleo, claim, 5)
    for delay in (30, 60, 120, 240):
        found = refused(cast.cleo, claim)
        assert found.code == "too_many_attempts"
        assert found.retry_after in {delay, delay + 1}
        later(delay - 2)
        refused(cast.cleo, claim)
        later(delay + 1)
        fail(cast.cleo, claim)
    begun(cast.carl, claim)


def test_no_delay_is_longer_than_the_longest(cast: Cast, eileen: Person) -> None:
    CallerAttempts.objects.create(
        attempts=FaceAttempts.objects.create(claim=Claim.of(eileen).token, person=eileen),
        owner=cast.cleo,
        failures=45,
        last_failed_at=timezone.now(),
    )
    wait = refused(cast.cleo, Claim.of(eileen)).retry_after
    assert wait in {3600, 3601}


def test_over_all_callers_delays_begin_at_ten(cast: Cast, eileen: Person) -> None:
    claim = Claim.of(eileen)
    for owner in (cast.cleo, cast.carl):
        fail(owner, claim, 5)
    assert refused(cast.hana, claim).retry_after in {30, 31}


def test_a_success_ends_the_count_of_its_caller_and_of_no_other(cast: Cast, eileen: Person) -> None:
    claim = Claim.of(eileen)
    fail(cast.cleo, claim, 4)
    fail(cast.carl, claim, 4)
    ended(begun(cast.carl, claim), Outcome.APPROVED, MATCH)
    assert attempts.of_person(eileen)[1] == 4
    fail(cast.cleo, claim)
    refused(cast.cleo, claim)
    fail(cast.carl, claim, 4)


@pytest.mark.parametrize(
    ("outcome", "similarity", "more", "counts"),
    [
        (Outcome.REJECTED, BELOW, {}, True),
        (Outcome.REJECTED, None, {}, True),
        (Outcome.NEEDS_REVIEW, 0.4, {}, True),
        (Outcome.NEEDS_REVIEW, MATCH, {"attack_outcome": "attack"}, True),
        (Outcome.NEEDS_REVIEW, MATCH, {"attack_outcome": "inconclusive"}, False),
        (Outcome.NEEDS_REVIEW, None, {}, False),
        (Outcome.FAILED, None, {"reasons": ["no_face"]}, False),
        (Outcome.FAILED, None, {"reasons": ["cancelled"]}, False),
        (Outcome.FAILED, None, {"reasons": ["interrupted"]}, False),
    ],
)
def test_what_tells_something_of_the_face_counts_and_nothing_else(
    cast: Cast, eileen: Person, outcome: Outcome, similarity: float | None, more: dict[str, Any], counts: bool
) -> None:
    ended(begun(cast.cleo, Claim.of(eileen)), outcome, similarity, **more)
    assert attempts.of_person(eileen)[1] == int(counts)


def test_a_reviewer_settles_what_waited(cast: Cast, eileen: Person) -> None:
    claim = Claim.of(eileen)
    doubtful = ended(begun(cast.cleo, claim), Outcome.NEEDS_REVIEW, MATCH, attack_outcome="inconclusive")
    doubtful.decision = Verification.Decision.REJECTED
    attempts.note_verdict(doubtful)
    assert attempts.of_person(eileen)[1] == 1
    near = ended(begun(cast.cleo, claim), Outcome.NEEDS_REVIEW, 0.4)
    near.decision = Verification.Decision.REJECTED
    attempts.note_verdict(near)
    assert attempts.of_person(eileen)[1] == 2, "it counted when it was made"
    near.decision = Verification.Decision.APPROVED
    attempts.note_verdict(near)
    assert attempts.of_person(eileen)[1] == 0


def test_fifty_failures_suspend_until_hr_releases(cast: Cast, eileen: Person, settings: Any) -> None:
    settings.FACE_FAILURE_DELAY_S = 0
    claim = Claim.of(eileen)
    for _ in range(25):
        fail(cast.cleo, claim)
        fail(cast.carl, claim)
    for owner in (cast.cleo, cast.hana):
        assert refused(owner, claim).code == "face_verification_suspended"
    event = AuditEvent.objects.get(action=Action.FACE_VERIFICATION_SUSPENDED)
    assert (event.subject_id, event.details) == (eileen.id, {"failures": 50})
    later(400 * 24 * 3600)
    assert refused(cast.cleo, claim).code == "face_verification_suspended", "no time ends it"
    assert attempts.release(person=eileen, actor=cast.hana)
    begun(cast.cleo, claim)
    assert attempts.of_person(eileen)[1] == 0
    assert AuditEvent.objects.get(action=Action.FACE_VERIFICATION_RELEASED).actor_id == str(cast.hana.pk)


def test_failures_are_forgotten_after_a_week(cast: Cast, eileen: Person) -> None:
    claim = Claim.of(eileen)
    fail(cast.cleo, claim, 5)
    later(7 * 24 * 3600 + 60)
    fail(cast.cleo, claim)
    assert CallerAttempts.objects.get().failures == 1


def test_an_id_that_is_nobodys_is_counted_like_somebodys(cast: Cast, settings: Any) -> None:
    claim = Claim.of_nobody("employee_id", "E-404")
    fail(cast.cleo, claim, 5)
    assert refused(cast.cleo, claim).retry_after in {30, 31}
    begun(cast.cleo, Claim.of_nobody("employee_id", "E-405"))
    settings.FACE_FAILURE_DELAY_S, settings.FACE_SUSPENDED_AFTER = 0, 8
    fail(cast.cleo, claim, 3)
    assert refused(cast.cleo, claim).code == "face_verification_suspended"
    assert not AuditEvent.objects.filter(action=Action.FACE_VERIFICATION_SUSPENDED).exists()
    Verification.objects.all().delete()
    FaceAttempts.objects.update(begun_at=timezone.now() - timedelta(days=31))
    CallerAttempts.objects.update(last_failed_at=timezone.now() - timedelta(days=31))
    assert attempts.sweep() > 0
    assert not FaceAttempts.objects.exists()


def test_counts_go_with_the_person(cast: Cast, eileen: Person) -> None:
    fail(cast.cleo, Claim.of(eileen), 3)
    erase_person(person=eileen, actor=cast.hana)
    assert not FaceAttempts.objects.exists()
    assert not CallerAttempts.objects.exists()


def test_searches_that_find_nobody_are_limited_for_client_apps(cast: Cast, settings: Any) -> None:
    settings.SEARCH_FAILURES_PER_HOUR = 3
    for found in (False, True, False, True):
        with attempts.searching(cast.cleo) as search:
            search.found = found
    with pytest.raises(ZeroDivisionError), attempts.searching(cast.cleo):
        raise ZeroDivisionError
    assert SearchAttempts.objects.get().failures == 2
    with attempts.searching(cast.cleo):
        pass
    with pytest.raises(Refusal) as refusal, attempts.searching(cast.cleo):
        pass
    assert (refusal.value.code, refusal.value.retry_after in {3600, 3601}) == ("too_many_attempts", True)
    for _ in range(5):
        with attempts.searching(cast.hana):
            pass
    SearchAttempts.objects.update(since=timezone.now() - timedelta(hours=2))
    with attempts.searching(cast.cleo):
        pass


@pytest.mark.django_db(transaction=True)
def test_of_fifty_attempts_at_once_no_more_are_taken_than_may_fail() -> None:
    cast = make_cast()
    eileen = Person.objects.create(full_name="Eileen Astronaut", employee_id="E-1")
    photo, codes, go = landscape(), [], threading.Barrier(10)

    def send() -> None:
        go.wait()
        for _ in range(5):
            try:
                verifications.submit(owner=cast.cleo, chunks=[photo], source="api", claim=Claim.of(eileen))
                codes.append("taken")
            except Refusal as refusal:
                codes.append(refusal.code)
        connection.close()

    senders = [threading.Thread(target=send) for _ in range(10)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(codes) == ["taken"] * 5 + ["too_many_attempts"] * 45
    assert Verification.objects.count() == 5


def test_a_token_tells_nothing_of_an_id(cast: Cast, eileen: Person) -> None:
    tokens = [Claim.of(eileen).token, Claim.of_nobody("employee_id", "E-1").token, Claim.of_nobody("person_id", "E-1")]
    assert len({str(token) for token in tokens}) == 3
    assert all("E-1" not in str(getattr(token, "token", token)) for token in tokens)
    assert Claim.of(Person(id=uuid.UUID(int=eileen.id.int))).token == tokens[0]
