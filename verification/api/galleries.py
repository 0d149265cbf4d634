"""What narrows a search: {"person_ids": [...]} or {"department": "..."}."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from enrollment.models import Person
from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import User
from heirloom.api.parsers import read_field, refuse_unstorable
from heirloom.errors import Refusal

MOST_NAMED = 1000
LONGEST_ID, LONGEST_DEPARTMENT = 128, 120


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "person_ids": {
                        "type": "array",
                        "items": {"type": "string", "maxLength": LONGEST_ID},
                        "maxItems": MOST_NAMED,
                    }
                },
                "required": ["person_ids"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"department": {"type": "string", "maxLength": LONGEST_DEPARTMENT}},
                "required": ["department"],
                "additionalProperties": False,
            },
        ]
    }
)
class GalleryField(serializers.JSONField):
    """Raises Refusal "invalid_gallery" for another shape."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if getattr(data, "is_json_string", False):  # of a form: JSON bodies are bounded by their parser
            try:
                data = read_field(data)
            except ParseError as error:
                raise Refusal("invalid_gallery", attr="gallery") from error
        given = super().to_internal_value(data)
        refuse_unstorable(given)
        if not isinstance(given, dict) or len(given) != 1 or not (_names_people(given) or _names_department(given)):
            raise Refusal("invalid_gallery", attr="gallery")
        return given


def asked_gallery(given: dict[str, Any], caller: User) -> GalleryLimit | None:
    """Return the limit that a request asks for; None for none. Whom the caller may not find is not among its people."""
    asked = given.get("gallery")
    if asked is None:
        return None
    if "department" in asked:
        return GalleryLimit(departments=frozenset({asked["department"]}))
    named = Person.objects.within(caller.gallery).named(asked["person_ids"])
    return GalleryLimit(frozenset(named.values_list("id", flat=True)))


def _names_people(given: dict[str, Any]) -> bool:
    people = given.get("person_ids")
    return (
        isinstance(people, list)
        and len(people) <= MOST_NAMED
        and all(isinstance(one, str) and len(one) <= LONGEST_ID for one in people)
    )


def _names_department(given: dict[str, Any]) -> bool:
    department = given.get("department")
    return isinstance(department, str) and len(department) <= LONGEST_DEPARTMENT
