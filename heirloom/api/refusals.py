"""Which errors a view answers. A view names its own codes in `refuses`; heirloom.api.schema adds what its base classes,
its body and its permissions bring along.

`refuses` is a tuple of codes, or a dictionary of such tuples by action; "*" counts for every action. A view without it
is written down as answering any code of 409 and 422 where it writes. What a base class of views, an authentication, a
permission or a throttle refuses wherever it is used, it names itself, in `also_refuses`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from heirloom.api.errors import body
from heirloom.errors import CODES, Code

# What reading a file as it comes refuses; decoding comes later, and its findings stand in the result.
FILE = ("empty_file", "unsupported_format", "too_many_bytes", "storage_unavailable")
# What using an upload refuses.
UPLOAD = (
    "upload_used",
    "upload_incomplete",
    "upload_size_differs",
    "upload_gone",
    "direct_upload_unavailable",
    "storage_unavailable",
)
# What decoding a photo refuses.
PHOTO = (
    "invalid_image",
    "empty_file",
    "unsupported_format",
    "too_many_bytes",
    "too_many_pixels",
    "too_much_cpu_time",
    "too_much_time",
    "too_much_memory",
)
VISION = (
    "model_not_ready",
    "vision_unavailable",
    "weights_missing",
    "weights_altered",
    "weights_unfit",
    "licence_not_acknowledged",
)
# The same where the caller may name a model.
NAMED_MODEL = ("model_not_available", *VISION)
ONE_FACE = ("no_face", "several_faces")
GOOD_FACE = (
    *ONE_FACE,
    "low_quality",
    "face_too_small",
    "blurred",
    "too_dark",
    "too_bright",
    "face_turned",
    "face_occluded",
)
BARE_FACE = (*GOOD_FACE, "eyes_closed", "eyes_covered", "mouth_covered")
DUPLICATE = ("duplicate_person", "duplicate_check_incomplete", "face_not_compared", "model_changed")
SEALED = ("key_unavailable", "storage_unavailable")

# What Django REST framework says by codes of its own.
FRAMEWORK: dict[str, Code] = {
    "parse_error": Code(400, "JSON parse error - Expecting value: line 1 column 1 (char 0)", ""),
    "required": Code(400, "This field is required.", ""),
    "not_authenticated": Code(401, "Authentication credentials were not provided.", ""),
    "unsupported_media_type": Code(415, 'Unsupported media type "text/plain" in request.', ""),
    "throttled": Code(429, "Request was throttled. Expected available in 30 seconds.", ""),
}
ERROR = {
    "type": "object",
    "description": "What every error looks like.",
    "required": ["type", "errors"],
    "properties": {
        "type": {"type": "string", "enum": ["validation_error", "client_error", "server_error"]},
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["code", "detail", "attr"],
                "properties": {
                    "code": {"type": "string", "description": "Stable; what a program branches on."},
                    "detail": {"type": "string", "description": "For people; may be reworded."},
                    "attr": {"type": "string", "nullable": True, "description": "The field at fault."},
                },
            },
        },
    },
}
_RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
_CHALLENGE = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "How to authenticate."}}
_HEADERS: dict[int, dict[str, Any]] = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}


def code(name: str) -> Code:
    """Return what stands behind a code, ours or the framework's."""
    return CODES.get(name) or FRAMEWORK[name]


def named(view: Any, action: str) -> tuple[str, ...] | None:
    """Return the codes that a view names for one of its actions; None where it names none at all."""
    refuses: tuple[str, ...] | Mapping[str, tuple[str, ...]] | None = getattr(view, "refuses", None)
    if isinstance(refuses, Mapping):
        return (*refuses.get("*", ()), *refuses.get(action, ()))
    return refuses


def brought(view: Any) -> Iterator[str]:
    """Give the codes that come with the parts of a view."""
    for base in type(view).__mro__:
        yield from vars(base).get("also_refuses", ())
    for part in (*view.get_authenticators(), *view.get_permissions(), *view.get_throttles()):
        yield from getattr(part, "also_refuses", ())


def responses(names: Iterable[str], open_statuses: Iterable[int] = ()) -> dict[str, Any]:
    """Return the OpenAPI responses of these codes, by status.

    open_statuses: those of which any code may come, because the view does not say which.
    """
    by_status: dict[int, list[str]] = {}
    for name in dict.fromkeys(names):
        by_status.setdefault(code(name).status, []).append(name)
    answers = {status: _response(status, found) for status, found in by_status.items()}
    for status in open_statuses:
        answers[status] = _response(status, by_status.get(status, []), more=True)
    return {str(status): answers[status] for status in sorted(answers)}


def examples() -> dict[str, Any]:
    """Return an example body of every code, for the document's components."""
    return {name: {"summary": code(name).text, "value": _example(name)} for name in sorted({*CODES, *FRAMEWORK})}


def _response(status: int, names: list[str], *, more: bool = False) -> dict[str, Any]:
    listed = ", ".join(f"`{name}`" for name in names)
    other = f"{'; or another' if names else 'A'} code of this status in docs/errors.md"
    shown = names or [_first_of(status)]
    return {
        "description": f"{listed}{other if more else ''}{_checks(status)}.",
        **({"headers": _HEADERS[status]} if status in _HEADERS else {}),
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in shown},
            }
        },
    }


def _checks(status: int) -> str:
    """Fields have checks of their own, with the codes of Django REST framework."""
    return "; fields that do not fit, with the code of the check and `attr`" if status == 400 else ""


def _first_of(status: int) -> str:
    return next(name for name, entry in CODES.items() if entry.status == status)


def _example(name: str) -> dict[str, Any]:
    entry = code(name)
    words = f"{entry.text} {entry.remedy}".strip()
    return body(name, words, status=entry.status, attr="full_name" if name == "required" else None)
