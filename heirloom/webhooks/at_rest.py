"""What webhooks keep sealed, for `heirloom.crypto.renewal`."""

from functools import partial
from uuid import UUID

from heirloom.crypto.renewal import Column, Step
from heirloom.webhooks.models import WebhookEndpoint
from heirloom.webhooks.services import OLD_SECRET, SECRET, secret_place


def steps() -> list[Step]:
    return [
        Column(f"webhooks: {which}", WebhookEndpoint.objects.all(), which, _subject, partial(secret_place, which=which))
        for which in (SECRET, OLD_SECRET)
    ]


def _subject(endpoint: WebhookEndpoint) -> UUID:
    return endpoint.id
