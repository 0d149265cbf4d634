"""Vision calls of the web process that a vision worker computes: VISION_MODE=celery.

The call and its answer pass through a sealed row, and the broker carries only its id: pixels and templates never lie
readable in a queue, and any broker will do. Both sides unpickle only what the key ring of this installation sealed.
"""

import pickle
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from heirloom.celery import app
from heirloom.crypto import services as crypto
from heirloom.crypto.places import Place
from heirloom.errors import Refusal
from heirloom.jobs.models import VisionCall
from heirloom.media.types import Image
from heirloom.vision.types import AnalysisRequest, FrameAnalysis, Vision, VisionStatus

# All calls share a subject; none outlives its answer by more than a few minutes.
SUBJECT = uuid.UUID(int=2)
ASKED, ANSWERED = "asked", "answer"
LOOK_EVERY_S = 0.01
FORGET_AFTER = timedelta(minutes=5)
STATUS_WITHIN_S = 5.0


class WorkerVision:
    """`Vision` computed by whichever worker on the queue `interactive` takes the call."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s

    def analyze(self, images: Sequence[Image], request: AnalysisRequest) -> tuple[FrameAnalysis, ...]:
        """Analyze every image, in order.

        Raises Refusal as the engine does, and "vision_unavailable" when no worker answers in time.
        """
        found: tuple[FrameAnalysis, ...] = _ask("analyze", (tuple(images), request), self._timeout_s)
        return found

    def status(self) -> VisionStatus:
        """Return what runs at a worker; raises Refusal "vision_unavailable" when none answers in time."""
        found: VisionStatus = _ask("status", (), STATUS_WITHIN_S)
        return found


def answer(*, call_id: uuid.UUID, vision: Vision) -> None:
    """Compute one call and seal its answer into the row; a call that nobody waits for any more is left alone."""
    call = VisionCall.objects.filter(pk=call_id, answer=None).first()
    if call is None:
        return
    method, arguments = _opened(bytes(call.asked), call_id, ASKED)
    found: Any
    try:
        found = vision.status() if method == "status" else vision.analyze(*arguments)
    except Refusal as refusal:
        found = refusal
    except Exception:
        # Whoever waits is told at once; the traceback is the worker's.
        VisionCall.objects.filter(pk=call_id).update(answer=_sealed(Refusal("internal_error"), call_id, ANSWERED))
        raise
    VisionCall.objects.filter(pk=call_id).update(answer=_sealed(found, call_id, ANSWERED))


def forget_old() -> None:
    """Delete the calls whose caller went away."""
    VisionCall.objects.filter(asked_at__lt=timezone.now() - FORGET_AFTER).delete()


def _ask(method: str, arguments: tuple[Any, ...], within_s: float) -> Any:
    """Ask a worker, which sees the call once it is committed: out of a transaction by a connection of its own."""
    if not connection.in_atomic_block:
        return _ask_now(method, arguments, within_s)
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(_ask_aside, method, arguments, within_s).result()


def _ask_aside(method: str, arguments: tuple[Any, ...], within_s: float) -> Any:
    try:
        return _ask_now(method, arguments, within_s)
    finally:
        connection.close()


def _ask_now(method: str, arguments: tuple[Any, ...], within_s: float) -> Any:
    call_id = uuid.uuid4()
    VisionCall.objects.create(id=call_id, asked=_sealed((method, arguments), call_id, ASKED))
    try:
        app.send_task("heirloom.jobs.tasks.see", args=(str(call_id),), queue="interactive", expires=within_s)
        found = _opened(_awaited(call_id, within_s), call_id, ANSWERED)
    finally:
        VisionCall.objects.filter(pk=call_id).delete()
    if isinstance(found, Refusal):
        raise found
    return found


def _awaited(call_id: uuid.UUID, within_s: float) -> bytes:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        sealed = VisionCall.objects.filter(pk=call_id).values_list("answer", flat=True).first()
        if sealed is not None:
            return bytes(sealed)
        time.sleep(LOOK_EVERY_S)
    raise Refusal("vision_unavailable")


def _sealed(value: Any, call_id: uuid.UUID, column: str) -> bytes:
    return crypto.seal(subject=SUBJECT, plaintext=pickle.dumps(value), place=_place(call_id, column))


def _opened(sealed: bytes, call_id: uuid.UUID, column: str) -> Any:
    plain = crypto.unseal(subject=SUBJECT, sealed=sealed, place=_place(call_id, column))
    return pickle.loads(plain)  # nosec B301 # noqa: S301 - authentic: only this installation's key seals it


def _place(call_id: uuid.UUID, column: str) -> Place:
    return Place(f"jobs_visioncall.{column}", (str(call_id),))
