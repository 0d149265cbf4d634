"""The sidebar of Django admin: to each role what it may open."""

from collections.abc import Callable
from typing import Any

from django.db.models import Count, Subquery, Value
from django.http import HttpRequest
from django.urls import reverse

from heirloom.reviews.models import Review
from heirloom.trust.models import Report, Watch


def sidebar(_request: HttpRequest) -> list[dict[str, Any]]:
    """Return unfold's navigation; items without permission are left out by unfold."""
    return [
        {"title": "Review", "items": [_queue(), _item("Verifications", "verified_user", "verification.verification")]},
        {"title": "People", "items": [_portal(), _item("People", "badge", "enrollment.person")]},
        {
            "title": "Administration",
            "items": [
                _item("Logins", "manage_accounts", "accounts.user"),
                _item("Second factors", "phonelink_lock", "factors.secondfactor"),
                _item("API keys", "key", "api.apikey"),
                _item("Failed sign-ins", "lock", "axes.accessattempt"),
                _item("Webhooks", "webhook", "webhooks.webhookendpoint"),
                _item("Webhook deliveries", "outbox", "webhooks.webhookdelivery"),
                _item("Audit log", "history", "audit.auditevent"),
                _trust(),
            ],
        },
    ]


def waiting(_request: HttpRequest) -> str:
    """Return how many cases wait, or nothing where none does."""
    return str(Review.objects.open().count() or "")


def _queue() -> dict[str, Any]:
    return {**_item("Review queue", "rule", "reviews.review"), "badge": "heirloom.portal.navigation.waiting"}


def _trust() -> dict[str, Any]:
    """Lead to the last night's report, with how many watched rates are alarmed; to the list while there is none."""
    item = _item("Trust", "monitoring", "trust.report")
    alarms = Subquery(Watch.objects.exclude(alarmed_at=None).values(all=Value(1)).annotate(n=Count("pk")).values("n"))
    last = Report.objects.annotate(alarms=alarms).values_list("pk", "alarms").first()
    if last is None:
        return item
    report, alarmed = last
    badge = {"badge": str(alarmed)} if alarmed else {}
    return {**item, **badge, "link": reverse("admin:trust_report_change", args=[report])}


def _portal() -> dict[str, Any]:
    may = lambda request: request.user.has_role("hr", "admin")  # noqa: E731 - unfold asks for a callable
    return {"title": "Portal", "icon": "home", "link": reverse("home"), "permission": may, "active": False}


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{app}_{name}_changelist"),
        "permission": _may_view(app, name),
    }


def _may_view(app: str, name: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(f"{app}.view_{name}")
