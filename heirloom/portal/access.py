"""Who may open the portal: hr and admin. A reviewer works in Django admin, a client app at the API."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django_htmx.middleware import HtmxDetails

from heirloom.accounts.models import User

P = ParamSpec("P")


class StaffRequest(HttpRequest):
    """A request whose login was checked to be hr or admin."""

    user: User
    htmx: HtmxDetails


def hr_only(view: Callable[Concatenate[StaffRequest, P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let hr and admin in, send a reviewer to the queue, and refuse everybody else."""

    @login_required
    @wraps(view)
    def guarded(request: StaffRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.has_role("hr", "admin"):
            return view(request, *args, **kwargs)
        if request.user.has_role("reviewer", "auditor") and request.user.is_staff:
            return redirect("admin:index")
        raise PermissionDenied

    return guarded
