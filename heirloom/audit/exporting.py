"""The whole log as a file, to be proved where there is neither this database nor this key ring."""

import os
from pathlib import Path
from typing import TextIO

from django.db import transaction

from heirloom.audit import chain, keys
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent


@transaction.atomic
def export(path: Path, keys_path: Path | None = None) -> int:
    """Write every event, and the audit keys where a file for them is named; the last event tells of this export.

    Raises FileExistsError rather than write over a file.
    """
    audit.record(
        action=Action.AUDIT_EXPORTED,
        subject_kind="audit_log",
        subject_id=audit.LOG,
        details={"with_keys": keys_path is not None},
    )
    count = 0
    with _new(path) as file:
        for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=2000):
            file.write(chain.line_of(event) + "\n")
            count += 1
    if keys_path is not None:
        with _new(keys_path) as file:
            file.write(keys.of_ring().dump())
    return count


def _new(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
