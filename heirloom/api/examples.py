"""An example of every body, made of its schema, so that none can lag behind its serializer.

A field's value is what the serializer's own `example` says, else what VALUES says of its name where that fits, else the
default, the first choice, or what its type allows. A serializer's `example` names only the fields in which it differs;
those that a request names are added to the fields that it must have.
"""

import uuid
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

# The smallest picture that is one: base64 of a PNG of one white pixel.
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
# By name of the field. Numbers are those of a run of README's walk-through.
VALUES: dict[str, Any] = {
    "accepted": True,
    "access": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.Hq0",
    "age": 4,
    "at_s": None,
    "attempts": 1,
    "brightness": 139.123047,
    "channels": 3,
    "claimed_by": None,
    "comment": "",
    "confidence": 0.9,
    "confidence_scores": [0.9],
    "created_at": "2026-11-26T11:18:49.749306Z",
    "decided_at": None,
    "department": "Research",
    "departments": ["Research"],
    "description": "Front desk",
    "due_at": "2026-11-27T11:18:50.293595Z",
    "duration_s": None,
    "email": "grace.hopper@example.org",
    "employee_id": "E-1001",
    "error_code": "",
    "expires_at": None,
    "external_id": None,
    "face_quality": 88.8,
    "faces_below_quality": 0,
    "failure": "",
    "file": "probe.jpg",
    "filename": "probe.jpg",
    "files": ["1.jpg", "2.jpg", "3.jpg"],
    "finished_at": "2026-11-26T11:18:50.283716Z",
    "former_until": None,
    "full_name": "Grace Hopper",
    "given_at": "2026-01-05T09:00:00Z",
    "height": 600,
    "landmarks": [[183.0, 208.0], [184.0, 230.0]],
    "last_used_at": None,
    "metadata": {},
    "method": "written",
    "mime": "image/jpeg",
    "model": "dlib-resnet-v1-avg3",
    "model_used": "dlib-resnet-v1-avg3",
    "name": "Front desk",
    "needed": 40.0,
    "next": None,
    "next_try_at": None,
    "nonce": "hJX0rU5bAXshds3xnC6uAKCJY5x3KLf284GPeqNSIxo",
    "notes": [],
    "number": 0,
    "old_secret_until": None,
    "owner": "kiosk",
    "password": "correct horse battery staple",
    "person_ids": ["emp-001"],
    "person_name": "Grace Hopper",
    "pitch": -5.0,
    "policy": "dlib-resnet-v1-avg3@2026-11-30",
    "policy_caveats": ["groups_unequal", "group_not_shown"],
    "policy_version": "2026-1",
    "position": "Rear admiral",
    "prefix": "k3v9q0x7m2ab",
    "previous": None,
    "processing_time": 0.4192,
    "progress": 100,
    "purpose": "Verifying identity at work by face",
    "quality": 91.9,
    "quality_components": {"illumination_uniformity": 88, "eyes_open": 99, "background_uniformity": None},
    "quality_needed": 40.0,
    "rank": 1,
    "raw_score": 0.9993,
    "reasons": [],
    "received_at": "2026-11-26T11:18:43.217544Z",
    "reference_count": 3,
    "refresh": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.x7Q",
    "response_excerpt": "ok",
    "response_status": 200,
    "retired_at": None,
    "revoked_at": None,
    "risk": 0.4,
    "roll": -3.3,
    "score": 88.8,
    "sharpness": 1.5312,
    "similarity": 0.9,
    "similarity_score": 0.999991,
    "size": 78.4,
    "size_bytes": 61306,
    "source": "api",
    "stage": "",
    "status": "done",
    "success": True,
    "threshold": 0.95558,
    "took_ms": 87,
    "tried_at": "2026-11-26T11:18:50.283716Z",
    "updated_at": "2026-11-26T11:18:42.730622Z",
    "url": "https://hooks.example.org/heirloom",
    "username": "kiosk",
    "width": 512,
    "withdrawn_at": None,
    "yaw": -2.3,
}
_DEEPEST = 8
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Examples:
    """Makes examples for one document. components: its schemas, by name."""

    def __init__(self, components: Mapping[str, Schema]) -> None:
        self.components = components

    def answer(self, schema: Schema) -> Any:
        """Return an example of an answer, with every field that it may have."""
        return self._made(schema, "", sent=False, depth=0)

    def request(self, schema: Schema, *, media_type: str) -> Any:
        """Return an example of a request: what it must have, and what its serializer's `example` names.

        Files travel in forms, pictures in base64 in JSON; where a serializer takes both, each gets its own.
        """
        made = self._made(schema, "", sent=True, depth=0)
        if not isinstance(made, dict):
            return made
        properties = self._plain(schema)[0].get("properties", {})
        files = {name for name in made if _is_file(properties[name])}
        elsewhere = {name for name in made if files and name.endswith(("base64", "upload_id"))}
        left_out = elsewhere if media_type.startswith("multipart/") else files
        return {name: value for name, value in made.items() if name not in left_out}

    def value(self, name: str, schema: Schema) -> Any:
        """Return an example of a field or parameter by itself."""
        return self._made(schema, name, sent=False, depth=0)

    def _made(self, schema: Schema, name: str, *, sent: bool, depth: int) -> Any:
        if depth > _DEEPEST:
            return None
        schema, component = self._plain(schema)
        if schema.get("properties"):
            return self._object(schema, component, sent=sent, depth=depth)
        if name in VALUES and _fits(VALUES[name], schema):
            return VALUES[name]
        if name.endswith("base64") or (name == "images" and schema.get("type") == "string"):
            return PICTURE
        if schema.get("type") == "array":
            return [self._made(schema["items"], name, sent=sent, depth=depth + 1)]
        return _of_type(schema, name)

    def _object(self, schema: Schema, component: str, *, sent: bool, depth: int) -> dict[str, Any]:
        own = schema.get("example", {})
        properties, required = schema["properties"], schema.get("required", [])
        asked = [name for name in properties if name in required or name in own] if sent else list(properties)
        made = {"id": str(uuid.uuid5(uuid.NAMESPACE_URL, component)), **own}
        return {
            name: made[name] if name in made else self._made(properties[name], name, sent=sent, depth=depth + 1)
            for name in asked or properties
        }

    def _plain(self, schema: Schema, component: str = "") -> tuple[Schema, str]:
        """Return what a reference, or the first of several choices, stands for, and the name of its component."""
        if "$ref" in schema:
            component = schema["$ref"].rpartition("/")[2]
            return self._plain(self.components[component], component)
        for choices in ("allOf", "oneOf", "anyOf"):
            if choices in schema:
                inner, component = self._plain(schema[choices][0], component)
                return {**inner, **{key: value for key, value in schema.items() if key != choices}}, component
        return schema, component


def _is_file(schema: Schema) -> bool:
    return "binary" in (schema.get("format"), schema.get("items", {}).get("format"))


def _of_type(schema: Schema, name: str) -> Any:
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    made = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "date-time": "2026-11-21T10:02:00Z",
        "date": "2026-11-21",
        "uri": "https://heirloom.example/",
        "email": "grace.hopper@example.org",
    }
    if schema.get("format") in made:
        return made[schema["format"]]
    least = schema.get("minimum", 0)
    of_type: dict[str, Any] = {"integer": max(1, least), "number": max(0.5, least), "boolean": True, "object": {}}
    return of_type.get(schema.get("type", "object"), "...")


def _fits(value: Any, schema: Schema) -> bool:
    """Say whether a value is of the schema's type; names alone mean different things in different places."""
    if value is None:
        return bool(schema.get("nullable"))
    if "enum" in schema:
        return value in schema["enum"]
    if "type" not in schema:
        return True
    fits = isinstance(value, _TYPES[schema["type"]]) and isinstance(value, bool) == (schema["type"] == "boolean")
    return fits and (
        schema.get("format") not in {"date-time", "uuid"} or _is_time(value) == (schema["format"] == "date-time")
    )


def _is_time(value: str) -> bool:
    return value[4:5] == "-" and value.endswith("Z")
