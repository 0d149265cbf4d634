"""A house with somebody of every kind at the door, and one of every thing in it; nothing is computed for it."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from axes.models import AccessAttempt
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from enrollment.models import Capture, Enrollment, Import, Person
from enrollment.services import captures, consents, people
from heirloom.accounts.models import SCOPES, User
from heirloom.accounts.services import create_login
from heirloom.api import families, keys
from heirloom.api.models import ApiKey, TokenFamily
from heirloom.crypto import files
from heirloom.factors import services as factors
from heirloom.factors.models import SecondFactor, UserSession
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.reviews import services as reviews
from heirloom.reviews.models import Review
from heirloom.trust import services as trust
from heirloom.trust.models import Report
from heirloom.uploads import services as uploads
from heirloom.uploads.models import Upload
from heirloom.webhooks import services as webhooks
from heirloom.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.cast import PASSWORD, caller, just_signed_in, key_caller, make_cast
from tests.pictures import landscape
from verification.api import frame_links
from verification.models import EvidenceFrame, Verification

QUIET: dict[str, Any] = {"raise_request_exception": False}
"""What breaks inside is seen as its status."""


class Made(dict[str, Any]):
    """What is made when it is first asked for: each sign-in costs."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Any:
        self[name] = self._make(name)
        return self[name]


@dataclass(frozen=True, slots=True)
class Things:
    """What one client app has."""

    verification: Verification
    review: Review
    job: Job
    webhook: WebhookEndpoint
    delivery: WebhookDelivery
    key: ApiKey
    upload: Upload


@dataclass(frozen=True, slots=True)
class House:
    """Who asks, by what they are: at the API with a token or a key, in the pages with a session.

    ended: credentials that were good once. things: of Cleo, an app without scopes, and of Clio, who has all.
    """

    logins: dict[str, User]
    callers: Mapping[str, APIClient]
    ended: Mapping[str, APIClient]
    sessions: Mapping[str, Client]
    things: dict[str, Things]
    person: Person
    visit: Enrollment
    capture: Capture
    attempt: AccessAttempt
    factor: SecondFactor
    page_session: UserSession
    family: TokenFamily
    batch: Import
    report: Report

    def address(self, door: str, who: str) -> str:
        """Return an address of this door, of the caller's own thing where there is one, else of Cleo's."""
        own = self.things["clio" if who in {"scoped", "key"} else "cleo"]
        if door.endswith("/frames/<number>/") and who in self.logins:
            return frame_links.link(own.verification.id, 0, self.logins[who])
        thing = self.thing(door.split("<", maxsplit=1)[0], own)
        first, *rest = door.split("<")
        values = [thing, "frame-0" if "/picture/" in door else "0"]
        return first + "".join(f"{value}{part.split('>')[1]}" for value, part in zip(values, rest, strict=False))

    def thing(self, before: str, own: Things) -> str:
        """Return the id of what an address goes on with after these words."""
        return next((str(one) for name, one in self._named(own).items() if before.strip("/").endswith(name)), "1")

    def _named(self, own: Things) -> dict[str, object]:
        """Give the id that an address takes after a word; the longer words first."""
        return {
            "admin/enrollment/person": self.person.id,
            "admin/verification/verification": own.verification.id,
            "admin/reviews/review": own.review.id,
            "admin/webhooks/webhookendpoint": own.webhook.id,
            "admin/webhooks/webhookdelivery": own.delivery.id,
            "admin/accounts/user": own.key.owner_id,
            "admin/api/apikey": own.key.id,
            "admin/axes/accessattempt": self.attempt.pk,
            "admin/trust/report": self.report.pk,
            "admin/factors/secondfactor": self.factor.id,
            "security/factors": self.factor.id,
            "security/sessions": self.page_session.id,
            "security/tokens": self.family.id,
            "v1/people": self.person.external_id,
            "people/imports": self.batch.id,
            "imports": self.batch.id,
            "people": self.person.id,
            "enrollments": self.visit.id,
            "captures": self.capture.id,
            "verifications": own.verification.id,
            "reviews": own.review.id,
            "jobs": own.job.id,
            "webhooks": own.webhook.id,
            "deliveries": own.delivery.id,
            "api-keys": own.key.id,
            "uploads": own.upload.id,
            "notices": uuid.uuid4(),
        }


def build() -> House:
    """Make all of it, in the caller's transaction."""
    cast = make_cast()
    clio = create_login(username="clio", password=PASSWORD, roles=("client",), scopes=SCOPES)
    audrey = create_login(username="audrey", password=PASSWORD, roles=("auditor",))
    logins = {
        "hr": cast.hana, "reviewer": cast.rhea, "client": cast.cleo, "scoped": clio, "other": cast.carl,
        "auditor": audrey, "admin": cast.ada,
    }  # fmt: skip
    person = people.create_person(full_name="Grace Hopper", employee_id="E-7", external_id="emp-001", actor=None)
    consents.give(person=person, policy_version="1", method="written", given_at=timezone.now(), actor=None)
    visit = Enrollment.objects.create(person=person, source="api")
    key = keys.create(owner=clio, name="All scopes", actor=clio, scopes=SCOPES)
    callers, sessions = Made(lambda who: caller(logins.get(who), **QUIET)), Made(lambda who: _session(logins.get(who)))
    callers["key"] = key_caller(key.secret, **QUIET)
    gone = create_login(username="gone", password=PASSWORD, roles=("admin",))
    of_gone, sessions["ended"] = caller(gone, **QUIET), _session(gone)
    gone.is_active = False
    gone.save()
    return House(
        logins={**logins, "key": keys.holder(key.secret)},
        callers=callers,
        ended={"expired token": _expired(cast.ada), "disabled login": of_gone, **_ended_keys(clio)},
        sessions=sessions,
        things={"cleo": things_of(cast.cleo), "clio": things_of(clio)},
        person=person,
        visit=visit,
        capture=_kept(person.id, person=person, enrollment=visit),
        batch=Import.objects.create(owner=cast.hana, dry_run=False, total=0, outcome=Import.Outcome.COMPLETED),
        factor=factors.begin_totp(user=cast.cleo),
        page_session=UserSession.objects.create(user=cast.cleo, session_key="of-cleo", seen_at=timezone.now()),
        family=_family(cast.cleo),
        report=trust.make(),
        attempt=AccessAttempt.objects.create(username="gone", ip_address="192.0.2.1", failures_since_start=1),
    )


def _family(user: User) -> TokenFamily:
    families.begin(user=user)
    return TokenFamily.objects.filter(user=user).latest("created_at")


def _session(user: User | None) -> Client:
    client = Client(**QUIET)
    if user is not None:
        client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        just_signed_in(client)
    return client


def _expired(user: User) -> APIClient:
    token = AccessToken(families.begin(user=user).access)
    token.set_exp(from_time=timezone.now() - timedelta(days=2))
    return APIClient(headers={"Authorization": f"Bearer {token}"}, **QUIET)


def _ended_keys(owner: User) -> dict[str, APIClient]:
    made = {name: keys.create(owner=owner, name=name, actor=owner, scopes=SCOPES) for name in ("revoked", "expired")}
    keys.revoke(key=made["revoked"].key, actor=owner)
    ApiKey.objects.filter(pk=made["expired"].key.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return {f"{name} key": key_caller(one.secret, **QUIET) for name, one in made.items()}


def things_of(owner: User) -> Things:
    capture = _kept()
    verification = Verification.objects.create(
        owner=owner, mode="verification", capture=capture, outcome="needs_review", reasons=["score_near_threshold"]
    )
    name = f"frames/{verification.id}/0"
    files.write(subject=capture.subject, name=name, chunks=[landscape()])
    EvidenceFrame.objects.create(verification=verification, number=0, width=640, height=480, storage_name=name)
    webhook, _ = webhooks.create(owner=owner, url="http://127.0.0.1:9/", events=["verification.decided"])
    return Things(
        verification=verification,
        review=reviews.open_review(
            kind="verification", subject_id=verification.id, reasons=("score_near_threshold",), risk=0.2
        ),
        job=jobs.enqueue(kind="verification", subject_id=verification.id, owner=owner, queue="vision"),
        webhook=webhook,
        delivery=webhooks.send_test(endpoint=webhook, actor=owner),
        key=keys.create(owner=owner, name="The gate", actor=owner).key,
        upload=uploads.create(owner=owner, size_bytes=10),
    )


def _kept(subject: uuid.UUID | None = None, **more: Any) -> Capture:
    with captures.stored([[landscape()]], subject=subject) as (stored,):
        capture = captures.row(stored, source="api")
        capture.person, capture.enrollment = more.get("person"), more.get("enrollment")
        capture.save()
    return capture
