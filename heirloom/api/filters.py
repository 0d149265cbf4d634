"""What the query of a list asks for."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers


def asked(filters: type[serializers.Serializer[Any]], query: QueryDict) -> dict[str, Any]:
    """Return the filters that a query names; a parameter without a value asks for nothing.

    Raises ValidationError for a value that cannot be meant.
    """
    given = filters(data={name: value for name, value in query.dict().items() if value})
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
