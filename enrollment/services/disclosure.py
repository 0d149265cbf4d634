"""What enrollment holds of a person, for that person to read; nothing in it is of anybody else."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.core.serializers.json import DjangoJSONEncoder

from enrollment.models import Capture, ImportRow, Person
from enrollment.services.templates import of_template
from heirloom.crypto import files
from heirloom.crypto import services as crypto
from heirloom.media import sniff

DETAILS = (
    "id", "employee_id", "external_id", "full_name", "department", "position", "email", "metadata", "status",
    "created_at", "updated_at",
)  # fmt: skip
CONSENTS = ("id", "policy_version", "purpose", "method", "given_at", "expires_at", "withdrawn_at", "is_active")
VISITS = ("id", "source", "outcome", "reasons", "created_at", "finished_at")
CAPTURES = (
    "id", "enrollment_id", "kind", "mime", "source", "size_bytes", "width", "height", "duration_s", "notes", "verdicts",
    "provenance", "received_at",
)  # fmt: skip
TEMPLATES = ("id", "model", "quality", "capture_id", "consent_id", "at_s", "created_at", "retired_at")
MEANS = ("model", "dimensions", "reference_count", "updated_at")
LINES = ("batch_id", "line", "verdict", "codes", "photos")
_TYPES = (
    sniff.JPEG, sniff.PNG, sniff.BMP, sniff.TIFF, sniff.WEBP, sniff.HEIC, sniff.MP4, sniff.M4V, sniff.MOV, sniff.GPP,
    sniff.MKV, sniff.WEBM, sniff.AVI,
)  # fmt: skip
_EXTENSIONS = {one.mime: one.extension for one in _TYPES}


@dataclass(frozen=True, slots=True)
class Document:
    """One file of what is disclosed. chunks: made as they are taken. is_text: worth compressing."""

    name: str
    chunks: Iterable[bytes]
    is_text: bool = True


def listed(name: str, rows: Iterable[Mapping[str, Any]]) -> Document:
    """Return rows as a file of JSON, one row to a line, made while it is read."""
    return Document(name, _as_json(rows))


def documents(person: Person, *, with_vectors: bool) -> Iterator[Document]:
    """Give all files about a person; with_vectors: with the numbers of each template too."""
    yield listed("person.json", [{name: getattr(person, name) for name in DETAILS}])
    yield listed("consents.json", person.consents.values(*CONSENTS))
    yield listed("enrollments.json", person.enrollments.values(*VISITS))
    yield listed("captures.json", map(_capture, person.captures.iterator()))
    yield listed("templates.json", _templates(person, with_vectors=with_vectors))
    yield listed("template_means.json", person.person_templates.values(*MEANS))
    yield listed("import_lines.json", ImportRow.objects.filter(person=person).values(*LINES))
    for capture in person.captures.held().iterator():
        yield file_of(capture, f"captures/{capture.id}")


def file_of(capture: Capture, name: str) -> Document:
    """Return a capture as it was received, decrypted piece by piece."""
    chunks = files.read(subject=capture.subject, name=capture.storage_name, place=capture.file_place)
    return Document(f"{name}.{_EXTENSIONS.get(capture.mime, 'bin')}", chunks, is_text=False)


def _capture(capture: Capture) -> dict[str, Any]:
    return {**{name: getattr(capture, name) for name in CAPTURES}, "is_kept": bool(capture.storage_name)}


def _templates(person: Person, *, with_vectors: bool) -> Iterator[dict[str, Any]]:
    for row in person.templates.iterator(chunk_size=100):
        facts = {name: getattr(row, name) for name in TEMPLATES}
        if with_vectors:
            plain = crypto.unseal(subject=person.id, sealed=bytes(row.vector_sealed), place=of_template(row))
            facts["vector"] = np.frombuffer(plain, dtype="<f4").tolist()
        yield facts


def _as_json(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    before = "[\n"
    for row in rows:
        yield (before + json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)).encode()
        before = ",\n"
    yield b"[]\n" if before == "[\n" else b"\n]\n"
