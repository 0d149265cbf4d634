"""What the API has done from time to time."""

from heirloom.accounts import gate
from heirloom.api import families, idempotency
from heirloom.celery import app


@app.task
def sweep_keyed_requests() -> int:
    return idempotency.sweep()


@app.task
def sweep_token_families() -> int:
    return families.sweep()


@app.task
def sweep_tries() -> int:
    return gate.sweep()
