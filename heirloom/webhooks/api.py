"""/webhooks/ and /deliveries/: who is told of what, and what became of it."""

import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from heirloom.api.idempotent import Idempotent
from heirloom.api.pagination import NewestFirst
from heirloom.api.permissions import WithoutKey, caller, role
from heirloom.webhooks import services
from heirloom.webhooks.models import SUBSCRIBABLE, WebhookDelivery, WebhookEndpoint
from heirloom.webhooks.querysets import WebhookDeliveryQuerySet, WebhookEndpointQuerySet
from heirloom.webhooks.targets import LONGEST_URL

# Whoever has a secret can forge events, so no cache may keep an answer that shows one.
_NO_STORE = {"Cache-Control": "no-store"}


class EndpointInput(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=LONGEST_URL, help_text="https:// and a public host.")
    events = serializers.ListField(child=serializers.ChoiceField(choices=SUBSCRIBABLE), min_length=1)
    description = serializers.CharField(max_length=200, default="", allow_blank=True)


class EndpointChange(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=LONGEST_URL, required=False)
    events = serializers.ListField(child=serializers.ChoiceField(choices=SUBSCRIBABLE), min_length=1, required=False)
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False, help_text="false: it is sent nothing until it is true again.")


class EndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    owner = serializers.CharField(source="owner.username")
    events = serializers.ListField(child=serializers.ChoiceField(choices=SUBSCRIBABLE))

    class Meta:
        model = WebhookEndpoint
        fields: tuple[str, ...] = (
            "id", "url", "events", "description", "active", "owner", "old_secret_until", "created_at",
        )  # fmt: skip


class EndpointWithSecret(EndpointSerializer):
    """An endpoint and its new secret, which is shown this once."""

    example = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwM5c0yJ2sXv0="}

    secret = serializers.CharField(help_text="whsec_ and base64: what signatures are checked with.")

    class Meta(EndpointSerializer.Meta):
        fields = (*EndpointSerializer.Meta.fields, "secret")


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    webhook = serializers.UUIDField(source="endpoint_id")
    payload = serializers.SerializerMethodField()
    example = {
        "type": "verification.decided",
        "payload": {
            "type": "verification.decided",
            "timestamp": "2026-11-26T11:18:50.123+00:00",
            "data": {
                "verification_id": "5a0ae177-f88f-4d43-a5c3-9e0ca4efb6d5",
                "person_id": "40389cc7-50c5-4b4d-bcf3-be645f975f91",
                "mode": "verification",
                "outcome": "approved",
                "decision": "approved",
                "reasons": [],
            },
        },
        "state": "delivered",
        "failure": "",
    }

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "webhook", "event_id", "type", "payload", "state", "attempts", "next_try_at", "response_status",
            "response_excerpt", "failure", "took_ms", "created_at", "tried_at", "finished_at",
        )  # fmt: skip

    def get_payload(self, row: WebhookDelivery) -> dict[str, Any]:
        return dict(json.loads(row.payload))


class WebhookViewSet(
    Idempotent, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[WebhookEndpoint]
):
    """Addresses that are told of events: one's own; an admin's are all."""

    queryset = WebhookEndpoint.objects.none()
    serializer_class = EndpointSerializer
    permission_classes = [role("client", "hr", "admin"), WithoutKey]
    pagination_class = NewestFirst
    refuses = {
        "create": ("webhook_target_refused", "too_many_webhooks", "key_unavailable"),
        "partial_update": ("webhook_target_refused",),
        "rotate": ("key_unavailable",),
        "test": ("webhook_inactive",),
    }

    def get_queryset(self) -> WebhookEndpointQuerySet:
        return WebhookEndpoint.objects.visible_to(caller(self.request)).select_related("owner")

    @extend_schema(request=EndpointInput, responses={201: EndpointWithSecret})
    def create(self, request: Request) -> Response:
        """Make an endpoint; its secret is in this answer and, but for a repetition by Idempotency-Key, in no other."""
        given = EndpointInput(data=request.data)
        given.is_valid(raise_exception=True)
        return _with_secret(*services.create(owner=caller(request), **given.validated_data), code=201)

    @extend_schema(request=EndpointChange, responses=EndpointSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a webhook's address, events or description, or switch it off and on."""
        given = EndpointChange(data=request.data)
        given.is_valid(raise_exception=True)
        changed = services.update(endpoint=self.get_object(), actor=caller(request), **given.validated_data)
        return Response(EndpointSerializer(changed).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Revoke an endpoint for good; its deliveries stay in the log."""
        services.revoke(endpoint=self.get_object(), actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=EndpointWithSecret)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Make a new secret; the one before signs beside it until `old_secret_until`."""
        return _with_secret(*services.rotate(endpoint=self.get_object(), actor=caller(request)), code=200)

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send the event webhook.test to this endpoint."""
        return _accepted(services.send_test(endpoint=self.get_object(), actor=caller(request)))

    @extend_schema(responses=DeliverySerializer(many=True))
    @action(detail=True)
    def deliveries(self, request: Request, pk: str) -> Response:
        """List what this endpoint was sent, and what came of it."""
        paginator = NewestFirst()
        page = paginator.paginate_queryset(self.get_object().deliveries.all(), request, view=self)
        return paginator.get_paginated_response(DeliverySerializer(page, many=True).data)


class DeliveryViewSet(
    Idempotent, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[WebhookDelivery]
):
    """The log of deliveries of one's own endpoints, revoked ones too."""

    queryset = WebhookDelivery.objects.none()
    serializer_class = DeliverySerializer
    permission_classes = [role("client", "hr", "admin"), WithoutKey]
    pagination_class = NewestFirst
    refuses = {"replay": ("webhook_inactive",)}

    def get_queryset(self) -> WebhookDeliveryQuerySet:
        return WebhookDelivery.objects.visible_to(caller(self.request))

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Send an event again, with the id and the body that it had."""
        return _accepted(services.replay(delivery=self.get_object(), actor=caller(request)))


def _with_secret(endpoint: WebhookEndpoint, secret: str, *, code: int) -> Response:
    answer = {**EndpointSerializer(endpoint).data, "secret": secret}
    return Response(answer, status=code, headers=_NO_STORE)


def _accepted(delivery: WebhookDelivery) -> Response:
    return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)
