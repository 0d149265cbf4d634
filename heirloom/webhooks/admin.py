"""Webhooks in Django admin: read, and replay what did not arrive."""

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from heirloom.accounts.models import User
from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.errors import Refusal
from heirloom.webhooks import services
from heirloom.webhooks.models import WebhookDelivery, WebhookEndpoint


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    list_display = ("url", "owner", "events", "active", "created_at", "revoked_at")
    list_filter = ("active",)
    list_select_related = ("owner",)
    list_per_page = 50
    # Not the secrets, sealed as they are.
    fields = (
        "id", "url", "owner", "events", "description", "active", "old_secret_until", "created_at", "revoked_at",
    )  # fmt: skip


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    actions = ("replay",)
    list_display = ("created_at", "type", "endpoint", "state", "attempts", "response_status", "failure", "next_try_at")
    list_filter = ("state", "type")
    list_select_related = ("endpoint",)
    date_hierarchy = "created_at"
    list_per_page = 50
    show_full_result_count = False
    fields = (
        "id", "endpoint", "event_id", "type", "payload", "state", "attempts", "next_try_at", "response_status",
        "response_excerpt", "failure", "took_ms", "created_at", "tried_at", "finished_at",
    )  # fmt: skip

    @admin.action(description="Send again", permissions=["view"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        sent = 0
        for delivery in queryset:
            try:
                services.replay(delivery=delivery, actor=cast(User, request.user))
            except Refusal as refusal:
                messages.error(request, f"{delivery}: {refusal.detail} {refusal.entry.remedy}")
            else:
                sent += 1
        messages.info(request, f"{sent} to be sent again.")

    def get_actions(self, request: HttpRequest) -> Any:
        """Offer to replay and nothing else."""
        return {name: act for name, act in super().get_actions(request).items() if name == "replay"}
