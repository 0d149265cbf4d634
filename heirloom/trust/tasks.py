"""What is done each night."""

from heirloom.celery import app
from heirloom.trust import services


@app.task
def report() -> bool:
    """Make the night's report, if it is not made yet; rung often, for a machine may be off at night."""
    return services.make_due()
