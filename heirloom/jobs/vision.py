"""Where a vision call is computed: in the vision process beside the web, or on a vision worker."""

from functools import cache

from django.conf import settings

from heirloom.vision.client import VisionClient
from heirloom.vision.types import Vision


@cache
def vision() -> Vision:
    """Return the vision that this installation is configured for, one for the whole process."""
    return VisionClient(settings.VISION_SOCKET, timeout_s=settings.VISION_TIMEOUT_S)
