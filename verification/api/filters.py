"""What a list of verifications may be asked for."""

from functools import partial
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from rest_framework import serializers

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.api.filters import asked
from heirloom.decision.verification import Outcome
from heirloom.errors import CODES
from verification.models import Verification
from verification.querysets import VerificationQuerySet
from verification.services import claims

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


def narrowed(rows: VerificationQuerySet, query: QueryDict, caller: User) -> VerificationQuerySet:
    """Keep what the query asks for, as far as the caller may know it. Raises ValidationError."""
    condition = _condition if caller.sight.is_staff else partial(_condition_of_client, caller)
    for name, value in asked(VerificationFilters, query).items():
        rows = rows.filter(condition(name, value))
    return rows


def _condition_of_client(caller: User, name: str, value: Any) -> Q:
    """By what was claimed, whether or not that is anybody, and by the reasons as they are told."""
    if name in {"person_id", "employee_id"}:
        told_then = Q(claim="") & _condition(name, value)  # rows of before claims had tokens
        return Q(claim__in=claims.tokens_of(caller=caller, name=name, reference=value)) | told_then
    if name == "reason" and value in claims.HIDDEN:
        return Q(pk__in=())
    if name == "reason" and value == claims.NO_MATCH:
        hidden = Q(reasons__overlap=list(claims.HIDDEN)) & ~Q(reasons__contains=[claims.NOT_CALIBRATED])
        return Q(reasons__contains=[value]) | hidden
    return _condition(name, value)


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
