"""/livez, /readyz, /metrics: what a load balancer and an operator ask."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import REGISTRY, Gauge
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from heirloom.api.authentication import TokenAuthentication
from heirloom.audit.models import AnchorState, AuditEvent
from heirloom.errors import Refusal
from heirloom.jobs.models import Job
from heirloom.jobs.vision import vision
from heirloom.jobs.vision_meters import VisionMeters
from heirloom.reviews.models import Review
from heirloom.trust import services as trust
from heirloom.trust.models import Watch

JOBS = Gauge("heirloom_jobs", "Jobs by kind and state.", ["kind", "state"])
REVIEWS = Gauge("heirloom_reviews_open", "Reviews that wait for a human.")
AUDIT_EVENTS = Gauge("heirloom_audit_events", "Events of the audit log.")
AUDIT_ANCHORED = Gauge("heirloom_audit_anchored_to", "The last event that is anchored, by place.", ["place"])
AUDIT_FAILURES = Gauge("heirloom_audit_anchor_failures", "Attempts since the last good one, by place.", ["place"])
DRIFTED = Gauge("heirloom_trust_drifted", "1 where a watched rate has moved away from its baseline.", ["rate"])
TRUST_REPORTED = Gauge("heirloom_trust_reported_at", "When the last trust report was made, in seconds of Unix time.")
MODELS_READY = Gauge("heirloom_models_ready", "1 when the configured models are loaded.")
REGISTRY.register(VisionMeters())


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the main job can be done here: database and models. 503 until both are there."""
    checks = {"database": _works(_database), "models": _works(_models)}
    ready = all(checks.values())
    return JsonResponse({"status": "ok" if ready else "not_ready", "checks": checks}, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, or an auditor; who else asks is 401, or 404 where no token of Prometheus is set."""
    if not (_on_own_machine() or _is_prometheus(request) or _is_auditor(request)):
        if not settings.METRICS_TOKEN:
            return HttpResponse(status=404)
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    JOBS.clear()
    for row in Job.objects.values("kind", "state").annotate(count=Count("id")):
        JOBS.labels(row["kind"], row["state"]).set(row["count"])
    REVIEWS.set(Review.objects.open().count())
    MODELS_READY.set(_works(_models))
    AUDIT_EVENTS.set(AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0)
    for state in AnchorState.objects.all():
        AUDIT_ANCHORED.labels(state.place).set(state.sequence)
        AUDIT_FAILURES.labels(state.place).set(state.failures)
    for watch in Watch.objects.all():
        DRIFTED.labels(watch.name).set(watch.alarmed_at is not None)
    if (reported := trust.latest()) is not None:
        TRUST_REPORTED.set(reported.made_at.timestamp())
    exported: HttpResponse = ExportToDjangoView(request)
    return exported


def _on_own_machine() -> bool:
    return not settings.METRICS_TOKEN and (settings.EMBEDDED or settings.DEBUG)


def _is_prometheus(request: HttpRequest) -> bool:
    wanted = f"Bearer {settings.METRICS_TOKEN}".encode()
    given = request.headers.get("Authorization", "").encode(errors="replace")
    return bool(settings.METRICS_TOKEN) and secrets.compare_digest(given, wanted)


def _is_auditor(request: HttpRequest) -> bool:
    try:
        found = TokenAuthentication().authenticate(Request(request))
    except (APIException, Refusal):
        return False
    return found is not None and found[0].has_role("auditor", "admin")


def _works(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, Refusal):
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _models() -> bool:
    return vision().status().ready
