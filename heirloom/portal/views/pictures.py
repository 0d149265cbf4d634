"""Pictures of enrolled people: served by us, stored by nobody on the way, each view noted in the audit log."""

import math
import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from enrollment.models import Capture
from enrollment.services.pictures import read_picture
from heirloom.errors import Refusal
from heirloom.portal.access import StaffRequest, hr_only


@require_safe
@hr_only
def capture_image(request: StaffRequest, capture_id: uuid.UUID) -> HttpResponse:
    """An enrolled person's capture as a JPEG; `at`: which frame of a clip, in seconds."""
    capture = get_object_or_404(Capture, pk=capture_id, person__isnull=False)
    try:
        jpeg = read_picture(capture=capture, viewer=request.user, at_s=_seconds(request.GET.get("at", "")))
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        raise Http404 from refusal
    return HttpResponse(jpeg, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


def _seconds(given: str) -> float | None:
    try:
        at_s = float(given)
    except ValueError:
        return None
    return at_s if math.isfinite(at_s) else None
