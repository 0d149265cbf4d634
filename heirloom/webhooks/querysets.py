"""Questions about sets of endpoints and deliveries."""

from typing import TYPE_CHECKING, Self

from django.db.models import Q, QuerySet

from heirloom.accounts.models import User

if TYPE_CHECKING:
    from heirloom.webhooks.models import WebhookDelivery, WebhookEndpoint


class WebhookEndpointQuerySet(QuerySet["WebhookEndpoint"]):
    def standing(self) -> Self:
        """Keep those that were not revoked."""
        return self.filter(revoked_at=None)

    def visible_to(self, user: User) -> Self:
        """Keep what this login may see: an admin all, anybody else their own."""
        return self.standing() if user.has_role("admin") else self.standing().filter(owner=user)

    def listening(self, event: str, *, about: User | None) -> Self:
        """Keep the active ones that asked for an event and may be told of it.

        hr and admin are told of everything, a client app of what it asked for itself; `about` is whose request it was.
        """
        everything = Q(owner__is_superuser=True) | Q(owner__groups__name__in=("hr", "admin"))
        own = Q(owner=about, owner__groups__name="client") if about else Q(pk__in=())
        asked = self.filter(active=True, owner__is_active=True, events__contains=[event])
        return asked.filter(everything | own).distinct()


class WebhookDeliveryQuerySet(QuerySet["WebhookDelivery"]):
    def visible_to(self, user: User) -> Self:
        """Keep what this login may see: an admin all, anybody else those of their own endpoints, revoked ones too."""
        return self if user.has_role("admin") else self.filter(endpoint__owner=user)
