"""What a list of verifications may be asked for."""

from typing import Any

from django.db.models import Q
from django.http import QueryDict
from rest_framework import serializers

from enrollment.models import Person
from heirloom.api.filters import asked
from heirloom.decision.verification import Outcome
from heirloom.errors import CODES
from verification.models import Verification
from verification.querysets import VerificationQuerySet

OUTCOMES = [outcome.value for outcome in Outcome]


class VerificationFilters(serializers.Serializer[Any]):
    """The query of a list; a value that cannot be meant is 400, one that fits nothing is an empty list."""

    outcome = serializers.ChoiceField(choices=OUTCOMES, required=False)
    decision = serializers.ChoiceField(choices=Verification.Decision.choices, required=False)
    mode = serializers.ChoiceField(choices=Verification.Mode.choices, required=False)
    person_id = serializers.CharField(max_length=128, required=False)
    employee_id = serializers.CharField(max_length=64, required=False)
    reason = serializers.ChoiceField(choices=sorted(CODES), required=False)
    created_after = serializers.DateTimeField(required=False, help_text="From this moment on.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this moment.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "created_after" in attrs and "created_before" in attrs and attrs["created_after"] > attrs["created_before"]:
            raise serializers.ValidationError({"created_before": "This is earlier than created_after."})
        return attrs


def narrowed(rows: VerificationQuerySet, query: QueryDict) -> VerificationQuerySet:
    """Keep what the query asks for. Raises ValidationError."""
    for name, value in asked(VerificationFilters, query).items():
        rows = rows.filter(_condition(name, value))
    return rows


def _condition(name: str, value: Any) -> Q:
    if name == "person_id":
        return Q(person__in=Person.objects.named([value]))
    fields = {
        "employee_id": "person__employee_id",
        "reason": "reasons__contains",
        "created_after": "created_at__gte",
        "created_before": "created_at__lt",
    }
    return Q(**{fields.get(name, name): [value] if name == "reason" else value})
