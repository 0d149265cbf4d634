"""How the OpenAPI document is made from the views: what a view is and says of itself, written down once for all.

Summary and description are the docstrings; who may call, what is refused and which headers count follow from
permissions, base classes and `refuses`. heirloom.api.document finishes the whole.
"""

import re
from collections.abc import Iterator
from typing import Any

from drf_spectacular import openapi
from drf_spectacular.plumbing import get_doc
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny, IsAuthenticated

from heirloom.api import refusals
from heirloom.api.idempotency import HEADER
from heirloom.api.idempotent import REPLAYED, Idempotent

KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Sent again with the same body within 24 hours, the request is not carried out again: "
    "the first answer comes again, with the header Idempotency-Replayed.",
)
REPEATED = OpenApiParameter(
    REPLAYED,
    {"type": "string", "enum": ["true"]},
    OpenApiParameter.HEADER,
    description="There if this answer was given before, to the same Idempotency-Key.",
    response=[201, 202],
)
STANDARD = {
    "list": "List {many}",
    "create": "Create {one}",
    "retrieve": "Show {one}",
    "update": "Replace {one}",
    "partial_update": "Change {one}",
    "destroy": "Delete {one}",
}
# Permissions that refuse nobody who is signed in.
NO_ROLE = (AllowAny, IsAuthenticated)
WRITING = ("POST", "PUT", "PATCH")
# Statuses of what was sent; a call that sends nothing is not refused for it.
OF_WHAT_WAS_SENT = (400, 408, 409, 413, 415, 422)
# Addresses that belong together though they begin differently.
TAGS = {
    **dict.fromkeys(("detect", "detect-upload", "compare", "recognize", "anti-spoofing"), "computation"),
    **dict.fromkeys(("add-face", "register-multiple", "enrollments"), "people"),
    "challenges": "verifications",
    "deliveries": "webhooks",
}
_SENTENCE = re.compile(r"(?<=[.:;])\s|\n\n")


class AutoSchema(openapi.AutoSchema):
    """Tells of each view what its docstrings, base classes and declarations say."""

    def get_operation_id(self) -> str:
        """Return the address as words, and what is done there unless a POST is all there is."""
        if self._methods() == {"POST"} and self._action() not in STANDARD:
            return "_".join(self._tokenize_path()).replace("-", "_")
        return super().get_operation_id()

    def get_summary(self) -> str:
        said = self._said_of_action() or self._standard() or get_doc(type(self.view)) or self._action()
        return _SENTENCE.split(said)[0].strip().rstrip(".:;").replace("\n", " ")

    def get_description(self) -> str:  # type: ignore[override]
        said = self._said_of_action() or get_doc(type(self.view)) or self.get_summary() + "."
        return f"{said}\n\n{self._who()}"

    def get_tags(self) -> list[str]:
        (first, *_) = self._tokenize_path() or ["root"]
        return [TAGS.get(first, first)]

    def get_auth(self) -> list[Any]:
        auth = super().get_auth()
        return [way for way in auth if way != {"apiKey": []} or self._takes_keys()] or [{}]

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *([KEY, REPEATED] if self._is_keyed() else [])]

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        """Leave a serializer's own `example` in its component, for heirloom.api.examples to make bodies of."""
        schema = super()._map_serializer(serializer, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        own = getattr(serializer, "example", None)
        return {**schema, "example": own} if own and schema.get("properties") else schema

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        answers = super()._get_response_bodies(direction)
        for answer in answers.values():
            answer["description"] = answer["description"] or "Done."
        return {**answers, **refusals.responses(self._refused(), self._open_statuses())}

    def _refused(self) -> Iterator[str]:
        """Give the codes of all errors: the view's own before those of its kind."""
        for name in refusals.named(self.view, self._action()) or ():
            if self.method in WRITING or refusals.code(name).status not in OF_WHAT_WAS_SENT:
                yield name
        yield from refusals.brought(self.view)
        if self._is_keyed():
            yield from ("idempotency_in_progress", "idempotency_answer_erased", "idempotency_key_reused")
        if self._has_body() or self._is_keyed() or self._has_query():
            yield "validation_error"
        if self._has_body():
            yield "required"
        if self._has_body() or self._is_keyed():  # a key goes with all that was sent, needed or not
            yield from ("parse_error", "too_many_bytes", "too_many_items", "upload_too_slow")
            yield from ("charset_unsupported", "unsupported_media_type")
        yield from self._refused_to_caller()
        if "{" in self.path or self._is_paginated():
            yield "not_found"
        if self.view.get_throttles():
            yield "throttled"
        yield "database_unavailable"

    def _refused_to_caller(self) -> Iterator[str]:
        if self.view.get_authenticators():
            yield from ("not_authenticated", "token_not_valid")
        if any(not isinstance(one, NO_ROLE) for one in self.view.get_permissions()):
            yield "permission_denied"

    def _open_statuses(self) -> tuple[int, ...]:
        says = refusals.named(self.view, self._action()) is not None
        return (409, 422) if self.method in WRITING and not says else ()

    def _action(self) -> str:
        return str(getattr(self.view, "action", None) or self.method.lower())

    def _methods(self) -> set[str]:
        """Return what is answered at this address, but for OPTIONS and HEAD.

        The document leaves these out; those of tus stand in docs/api/uploads.md.
        """
        mapped = getattr(self.view, "action_map", None) or {name.lower(): "" for name in self.view.allowed_methods}
        return {name.upper() for name in mapped} - {"OPTIONS", "HEAD"}

    def _said_of_action(self) -> str:
        """Return the docstring of the handler, if it has one of its own."""
        handler = getattr(self.view, self._action(), None)
        theirs = getattr(handler, "__module__", "").startswith(("rest_framework", "drf_"))
        return "" if handler is None or theirs else get_doc(handler)

    def _standard(self) -> str:
        model = getattr(getattr(self.view, "queryset", None), "model", None)
        words = STANDARD.get(self._action())
        if model is None or words is None:
            return ""
        one = str(model._meta.verbose_name)
        article = "an" if one[0].lower() in "aeiou" else "a"
        return words.format(one=f"{article} {one}", many=str(model._meta.verbose_name_plural))

    def _who(self) -> str:
        told = [who for one in self.view.get_permissions() if (who := getattr(one, "who", ""))]
        if told:
            return f"For {'; '.join(told)}."
        return "For whoever is signed in." if self.view.get_authenticators() else "For anybody."

    def _takes_keys(self) -> bool:
        return all(getattr(one, "takes_keys", True) for one in self.view.get_permissions())

    def _is_keyed(self) -> bool:
        return self.method == "POST" and isinstance(self.view, Idempotent)

    def _has_body(self) -> bool:
        return self.method in WRITING and self.get_request_serializer() is not None

    def _has_query(self) -> bool:
        return any(parameter["in"] == "query" for parameter in self._get_parameters())

    def _is_paginated(self) -> bool:
        return self._is_list_view() and self._get_paginator() is not None  # type: ignore[no-untyped-call]
