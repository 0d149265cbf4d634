"""The two doors of a transcoder elsewhere: it fetches a clip, and tells how its job ended. Shut unless one is set."""

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from enrollment.services import links, notices
from heirloom import bounded_json
from heirloom.api import ranges
from heirloom.errors import Refusal
from heirloom.media.transcode.zencoder_api import STATES

LARGEST_JOB = 2**63 - 1
# Of a notification: the job, and a row for each of its outputs.
MOST_ITEMS = 10_000


@require_safe
def clip(request: HttpRequest, token: str) -> HttpResponseBase:
    """A clip, whole or in part, to whoever holds its link; 404 once that is over."""
    _open()
    try:
        capture, readable = links.take(token)
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        raise Http404 from refusal
    return ranges.answer(request, readable, content_type=capture.mime)


@csrf_exempt
@require_POST
def notice(request: HttpRequest, order: uuid.UUID) -> HttpResponse:
    """How a job ended: 204, also for a repetition; 404 without the proof that was given out for it."""
    _open()
    if not notices.is_proven(order=order, signature=request.headers.get(notices.SIGNATURE_HEADER, "")):
        raise Http404
    job = _job(request.body)
    if job is None:
        return HttpResponse(status=400)
    notices.take(order=order, job=job[0], state=job[1])
    return HttpResponse(status=204)


def _open() -> None:
    if settings.TRANSCODER != "zencoder":
        raise Http404


def _job(body: bytes) -> tuple[int, str] | None:
    """Return the id and the state of the job that a notification tells of; None for anything else."""
    try:
        told = bounded_json.read(body, most_items=MOST_ITEMS)["job"]
        job, state = told["id"], told["state"]
    except (ValueError, KeyError, TypeError):
        return None
    known = isinstance(job, int) and 0 < job <= LARGEST_JOB and state in STATES
    return (job, state) if known else None
