"""What uploads have done from time to time."""

from heirloom.celery import app
from heirloom.uploads import services


@app.task
def sweep_uploads() -> int:
    return services.sweep()
