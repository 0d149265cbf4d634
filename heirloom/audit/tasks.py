"""What is done for the audit log from time to time."""

from heirloom.audit import configuration, logins
from heirloom.audit.anchors import services as anchors
from heirloom.celery import app


@app.task
def anchor() -> int:
    return anchors.anchor_due()


@app.task
def tell_unrecorded() -> int:
    return logins.tell_unrecorded()


@app.task
def note_settings() -> bool:
    """Workers decide, so theirs are the settings that count: a worker that was started with others tells of it."""
    return configuration.note_changes()
