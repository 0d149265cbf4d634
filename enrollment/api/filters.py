"""What the lists of people and of an import's rows may be asked for."""

from typing import Any

from django.http import QueryDict
from rest_framework import serializers

from enrollment.models import ImportRow, Person
from enrollment.querysets import ImportRowQuerySet, PersonQuerySet
from heirloom.api.filters import asked

PENDING = "pending"
VERDICTS = (PENDING, *ImportRow.Verdict.values)


class PersonFilters(serializers.Serializer[Any]):
    """The query of a list; a value that cannot be meant is 400, one that fits nothing is an empty list."""

    search = serializers.CharField(required=False, help_text="Words of name, employee number, department or position.")
    department = serializers.CharField(required=False, max_length=120)
    employee_id = serializers.CharField(required=False, max_length=64)
    external_id = serializers.CharField(required=False, max_length=128)
    status = serializers.ChoiceField(choices=Person.Status.choices, required=False)
    enrolled = serializers.BooleanField(required=False, help_text="Whether the person has a face to be compared with.")
    created_after = serializers.DateTimeField(required=False, help_text="From this moment on.")
    created_before = serializers.DateTimeField(required=False, help_text="Before this moment.")


class ImportRowFilters(serializers.Serializer[Any]):
    verdict = serializers.ChoiceField(choices=VERDICTS, required=False)


def people_asked_for(rows: PersonQuerySet, query: QueryDict) -> PersonQuerySet:
    """Keep whom the query asks for. Raises ValidationError."""
    given = asked(PersonFilters, query)
    rows = rows.search(given.pop("search", ""))
    if (enrolled := given.pop("enrolled", None)) is not None:
        rows = rows.filter(pk__in=Person.objects.enrolled()) if enrolled else rows.not_enrolled()
    moments = {"created_after": "created_at__gte", "created_before": "created_at__lt"}
    return rows.filter(**{moments.get(name, name): value for name, value in given.items()})


def rows_asked_for(rows: ImportRowQuerySet, query: QueryDict) -> ImportRowQuerySet:
    """Likewise for the rows of an import."""
    given = asked(ImportRowFilters, query)
    verdict = given.get("verdict")
    return rows if verdict is None else rows.filter(verdict="" if verdict == PENDING else verdict)
