"""Where a vision call is computed: in the vision process beside this one, or, asked by the web, at a vision worker."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, cached_property

from celery import current_task
from django.conf import settings

from heirloom.jobs import packs
from heirloom.jobs.vision_calls import WorkerVision
from heirloom.media.types import Image
from heirloom.vision.client import VisionClient
from heirloom.vision.names import leaves_it_open
from heirloom.vision.types import AnalysisRequest, FrameAnalysis, Vision, VisionStatus


class ActiveVision:
    """`Vision` in which the installation's active pack answers, whichever one its process was started with.

    One instance serves one piece of work: the pack that was active at its first call answers to the last, so that the
    frames of a clip are never compared across models.
    """

    def __init__(self, inner: Vision) -> None:
        self._inner = inner

    @cached_property
    def _active(self) -> str:
        return packs.activated()

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order; raises Refusal as the inner one does."""
        return self._inner.analyze(images, replace(request, active=request.active or self._active))

    def status(self) -> VisionStatus:
        """Return what runs there, ready only where the active pack can be used; raises as the inner one does."""
        status = self._inner.status()
        active = packs.activated() or status.active_pack
        usable = any(each.name == active and each.installed and each.acknowledged for each in status.packs)
        return replace(status, active_pack=active, ready=status.ready and usable)


def vision() -> Vision:
    """Return the vision that this installation is configured for. A worker always asks the process beside it."""
    return ActiveVision(beside() if settings.VISION_MODE == "local" or current_task else _at_workers())


def chosen_pack(name: str) -> str:
    """Return the pack that work done later is to use; "" where the name leaves it to the one active at that time.

    Raises Refusal "model_not_available" as a call answered at once would, and "vision_unavailable".
    """
    if leaves_it_open(name, settings.GIVEN_MODEL_DEFAULTS):
        return ""
    # Names are understood where the weights are; to analyze nothing is to ask.
    vision().analyze([], AnalysisRequest(pack=name))
    return name.strip()


@cache
def beside() -> Vision:
    """Return the vision process of this machine, reached by its socket."""
    return VisionClient(settings.VISION_SOCKET, timeout_s=settings.VISION_TIMEOUT_S)


@cache
def _at_workers() -> Vision:
    return WorkerVision(settings.VISION_TIMEOUT_S)
