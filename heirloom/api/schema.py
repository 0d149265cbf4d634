"""How the OpenAPI document is made from the views."""

from typing import Any

from drf_spectacular import openapi
from drf_spectacular.utils import OpenApiParameter

from heirloom.api.idempotency import HEADER
from heirloom.api.idempotent import Idempotent

KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body within 24 hours, the request is not carried out again: "
    "the first answer comes again, with the header Idempotency-Replayed.",
)


class AutoSchema(openapi.AutoSchema):
    """Tells of each view what its base classes add."""

    def get_override_parameters(self) -> list[Any]:
        keyed = self.method == "POST" and isinstance(self.view, Idempotent)
        return [*super().get_override_parameters(), *([KEY] if keyed else [])]
