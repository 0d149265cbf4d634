"""The only writers of endpoints and deliveries: who is told, emitting events, delivering them, replaying them."""

import json
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job, JobState
from heirloom.jobs.services import Lease
from heirloom.webhooks import sending, signing, targets
from heirloom.webhooks.models import (
    DeliveryState,
    EventType,
    Failure,
    WebhookDelivery,
    WebhookEndpoint,
    may_be_told,
)

MOST_ENDPOINTS = 20
# How long the secret before signs beside a new one.
ROTATION = timedelta(hours=24)
# Between one attempt and the next: about a day in all. Each is stretched or shortened by up to a fifth, so that what
# failed together is not tried again together.
PAUSES = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600, 36000))
JITTER = 0.2
GONE = 410
SECRET, OLD_SECRET = "secret_sealed", "old_secret_sealed"
"""The columns of an endpoint's two secrets."""


def create(*, owner: User, url: str, events: Sequence[str], description: str = "") -> tuple[WebhookEndpoint, str]:
    """Make an endpoint and return it with its secret, which nobody is shown again.

    Raises Refusal "webhook_target_refused", "too_many_webhooks", or "validation_error" for
    events that this owner may not be told of.
    """
    _require_allowed(owner, events)
    targets.resolve(targets.checked(url))
    endpoint = WebhookEndpoint(owner=owner, url=url, events=sorted(set(events)), description=description)
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        if WebhookEndpoint.objects.standing().filter(owner=owner).count() >= MOST_ENDPOINTS:
            raise Refusal("too_many_webhooks")
        secret = _give_secret(endpoint)
        endpoint.save()
        _audit(Action.WEBHOOK_CREATED, endpoint, owner, events=endpoint.events, after=_state(endpoint))
    return endpoint, secret


def update(
    *,
    endpoint: WebhookEndpoint,
    actor: User,
    url: str | None = None,
    events: Sequence[str] | None = None,
    description: str | None = None,
    active: bool | None = None,
) -> WebhookEndpoint:
    """Change what is named; raises as create does."""
    if events is not None:
        _require_allowed(endpoint.owner, events)
        events = sorted(set(events))
    if url is not None:
        targets.resolve(targets.checked(url))
    named = {"url": url, "events": events, "description": description, "active": active}
    changed = {name: value for name, value in named.items() if value is not None}
    with transaction.atomic():
        endpoint = _locked(endpoint)
        before = _state(endpoint)
        for name, value in changed.items():
            setattr(endpoint, name, value)
        endpoint.save(update_fields=list(changed))
        after = {name: value for name, value in _state(endpoint).items() if before[name] != value}
        was = {name: before[name] for name in after}
        _audit(Action.WEBHOOK_UPDATED, endpoint, actor, fields=sorted(changed), before=was, after=after)
    return endpoint


@transaction.atomic
def rotate(*, endpoint: WebhookEndpoint, actor: User) -> tuple[WebhookEndpoint, str]:
    """Return a new secret; the one before signs beside it for a day, and any older one no more."""
    endpoint = _locked(endpoint)
    endpoint.old_secret_sealed = _sealed(endpoint, _unsealed(endpoint, SECRET), OLD_SECRET)
    endpoint.old_secret_until = timezone.now() + ROTATION
    secret = _give_secret(endpoint)
    endpoint.save(update_fields=["secret_sealed", "old_secret_sealed", "old_secret_until"])
    _audit(Action.WEBHOOK_ROTATED, endpoint, actor)
    return endpoint, secret


@transaction.atomic
def revoke(*, endpoint: WebhookEndpoint, actor: User) -> None:
    """Send it nothing more, for good, and destroy the key of its secrets; its log stays.

    The row stays too: a transaction that has just written an event for it must not fail.
    """
    endpoint = _locked(endpoint)
    endpoint.active, endpoint.revoked_at = False, timezone.now()
    endpoint.save(update_fields=["active", "revoked_at"])
    crypto.destroy(subject=endpoint.id)
    _audit(Action.WEBHOOK_REVOKED, endpoint, actor)


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint, actor: User) -> WebhookDelivery:
    """Send a test event to one endpoint; raises Refusal "webhook_inactive"."""
    endpoint = _locked(endpoint)
    _require_listening(endpoint)
    (delivery,) = _write([endpoint], EventType.TEST, {"webhook_id": endpoint.id})
    _audit(Action.WEBHOOK_TESTED, endpoint, actor, delivery=delivery.id)
    return delivery


@transaction.atomic
def emit(event: EventType, data: Mapping[str, object], *, about: User | None = None) -> None:
    """Tell whoever asked for it and may know, if and only if the caller's transaction commits.

    data: ids and codes alone. about: whose request it was, so that a client app is told of its own.
    """
    _write(list(WebhookEndpoint.objects.listening(event, about=about)), event, data)


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: User) -> WebhookDelivery:
    """Send an event again, whatever became of it, with the id and body it had.

    Raises Refusal "webhook_inactive".
    """
    delivery = (
        WebhookDelivery.objects.select_for_update(of=("self",)).select_related("endpoint__owner").get(pk=delivery.pk)
    )
    _require_listening(delivery.endpoint)
    delivery.state, delivery.attempts, delivery.finished_at = DeliveryState.PENDING, 0, None
    _schedule(delivery, timedelta())
    delivery.save()
    _audit(Action.WEBHOOK_REPLAYED, delivery.endpoint, actor, delivery=delivery.id)
    return delivery


def deliver(delivery_id: UUID, lease: Lease) -> None:
    """Attempt one delivery; a worker that dies after sending sends again: at least once."""
    delivery = _awaited(delivery_id, lease.job_id)
    if delivery is None:
        # Replayed since: a later job attempts it.
        return
    lease.report("sending", 0)
    attempt = _attempt(delivery)
    with lease.effects():
        held = WebhookDelivery.objects.select_for_update().filter(pk=delivery_id, job_id=lease.job_id).first()
        if held is not None:
            _note(held, attempt)


def give_up(delivery_id: UUID, code: str) -> None:
    """Count a job that was cut off three times as one attempt; runs in the transaction that buries the job."""
    delivery = WebhookDelivery.objects.select_for_update().filter(pk=delivery_id, state=DeliveryState.PENDING).first()
    if delivery is not None and Job.objects.filter(pk=delivery.job_id, state=JobState.DEAD).exists():
        _note(delivery, sending.Attempt(None, "", Failure.INTERRUPTED, 0))


def _attempt(delivery: WebhookDelivery) -> sending.Attempt:
    endpoint = delivery.endpoint
    if not endpoint.listens:
        return sending.Attempt(None, "", Failure.INACTIVE, 0)
    body = delivery.payload.encode()
    signed = signing.headers(
        event_id=str(delivery.event_id),
        timestamp=int(time.time()),
        body=body,
        signed_by=[_unsealed(endpoint, which) for which in (SECRET, *([OLD_SECRET] if endpoint.is_rotating else []))],
    )
    return sending.send(endpoint.url, body=body, headers=signed)


def _note(delivery: WebhookDelivery, attempt: sending.Attempt) -> None:
    """Write what came of an attempt, and when the next one is; the last one that fails leaves a dead letter."""
    delivery.attempts += 1
    delivery.response_status, delivery.response_excerpt = attempt.status, attempt.excerpt
    delivery.failure, delivery.took_ms, delivery.tried_at = attempt.failure, attempt.took_ms, timezone.now()
    is_last = delivery.attempts > len(PAUSES) or attempt.failure == Failure.INACTIVE or attempt.status == GONE
    if attempt.failure and not is_last:
        _schedule(delivery, PAUSES[delivery.attempts - 1] * random.uniform(1 - JITTER, 1 + JITTER))
    else:
        delivery.state = DeliveryState.DEAD if attempt.failure else DeliveryState.DELIVERED
        delivery.finished_at, delivery.next_try_at = timezone.now(), None
    delivery.save()
    if attempt.status == GONE:
        _switch_off(delivery.endpoint)


def _switch_off(endpoint: WebhookEndpoint) -> None:
    """Heed an endpoint that says it is gone, as Standard Webhooks asks; its owner may switch it on again."""
    if WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True).update(active=False):
        was, now = {"active": True}, {"active": False}
        _audit(Action.WEBHOOK_UPDATED, endpoint, None, fields=["active"], status=GONE, before=was, after=now)


def _write(endpoints: Sequence[WebhookEndpoint], event: EventType, data: Mapping[str, object]) -> list[WebhookDelivery]:
    body = {"type": event.value, "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"), "data": data}
    payload, event_id = json.dumps(body, default=str, separators=(",", ":")), uuid.uuid4()
    written = [WebhookDelivery(endpoint=one, event_id=event_id, type=event, payload=payload) for one in endpoints]
    for delivery in written:
        _schedule(delivery, timedelta())
    return WebhookDelivery.objects.bulk_create(written)


def _schedule(delivery: WebhookDelivery, pause: timedelta) -> None:
    """Have it attempted after a pause, by a job of its own; a job that had it before finds that it is not its turn."""
    job = jobs.enqueue(kind="webhook", subject_id=delivery.id, queue="io", after=pause)
    delivery.job_id, delivery.next_try_at = job.id, timezone.now() + pause


def _awaited(delivery_id: UUID, job_id: UUID) -> WebhookDelivery | None:
    waiting = WebhookDelivery.objects.filter(state=DeliveryState.PENDING).select_related("endpoint__owner")
    return waiting.filter(pk=delivery_id, job_id=job_id).first()


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    standing = WebhookEndpoint.objects.standing().select_related("owner")
    held = standing.select_for_update(of=("self",), no_key=True).filter(pk=endpoint.pk).first()
    if held is None:
        raise Refusal("not_found")
    return held


def _require_allowed(owner: User, events: Sequence[str]) -> None:
    allowed = may_be_told(owner)
    if not events or not set(events) <= set(allowed):
        raise Refusal("validation_error", f"Choose from {', '.join(allowed)}.", attr="events")


def _require_listening(endpoint: WebhookEndpoint) -> None:
    if not endpoint.listens:
        raise Refusal("webhook_inactive")


def _give_secret(endpoint: WebhookEndpoint) -> str:
    secret = signing.new_secret()
    endpoint.secret_sealed = _sealed(endpoint, secret, SECRET)
    return secret


def _sealed(endpoint: WebhookEndpoint, secret: str, which: str) -> bytes:
    return crypto.seal(subject=endpoint.id, plaintext=secret.encode(), place=secret_place(endpoint, which))


def _unsealed(endpoint: WebhookEndpoint, which: str) -> str:
    kept = bytes(getattr(endpoint, which))
    return crypto.unseal(subject=endpoint.id, sealed=kept, place=secret_place(endpoint, which)).decode()


def secret_place(endpoint: WebhookEndpoint, which: str) -> Place:
    return Place(f"webhooks_webhookendpoint.{which}", (str(endpoint.id),), b"webhook secret")


def _state(endpoint: WebhookEndpoint) -> dict[str, object]:
    """Return what the audit log is told of an endpoint: of its address, which may carry a secret, a keyed code."""
    return {"url": audit.fingerprint(endpoint.url), "events": endpoint.events, "active": endpoint.active}


def _audit(action: Action, endpoint: WebhookEndpoint, actor: User | None, **details: object) -> None:
    audit.record(action=action, subject_kind="webhook", subject_id=endpoint.id, actor=actor, details=details)
