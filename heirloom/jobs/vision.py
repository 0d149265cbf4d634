"""Where a vision call is computed: in the vision process beside this one, or, asked by the web, at a vision worker."""

from functools import cache

from celery import current_task
from django.conf import settings

from heirloom.jobs.vision_calls import WorkerVision
from heirloom.vision.client import VisionClient
from heirloom.vision.types import Vision


def vision() -> Vision:
    """Return the vision that this installation is configured for. A worker always asks the process beside it."""
    return beside() if settings.VISION_MODE == "local" or current_task else _at_workers()


@cache
def beside() -> Vision:
    """Return the vision process of this machine, reached by its socket."""
    return VisionClient(settings.VISION_SOCKET, timeout_s=settings.VISION_TIMEOUT_S)


@cache
def _at_workers() -> Vision:
    return WorkerVision(settings.VISION_TIMEOUT_S)
