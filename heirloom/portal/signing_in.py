"""Between the password and the session: whoever has a second factor shows it before anything opens."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from heirloom.accounts import devices
from heirloom.accounts.models import User
from heirloom.audit import sign_ins
from heirloom.factors import services as factors
from heirloom.factors import sessions
from heirloom.portal import confirmation

PENDING = "password_shown"
PENDING_S = 600
SHOWN = "second_factor_shown"
_BACKEND = "django.contrib.auth.backends.ModelBackend"


def password_was_right(request: HttpRequest, user: User, onward: str) -> HttpResponse:
    """Open a session, or ask for the second factor first. onward: where the sign-in was to lead."""
    if not factors.is_asked_of(user):
        return open_session(request, user, onward, shown=False)
    request.session.flush()
    request.session[PENDING] = {
        "user": user.pk,
        "mark": user.get_session_auth_hash(),
        "at": timezone.now().timestamp(),
        "onward": onward,
    }
    return redirect("second-factor")


def pending(request: HttpRequest) -> tuple[User, str] | None:
    """Return who has shown a password here within the last minutes and nothing more, and where they were to go."""
    held: dict[str, Any] = request.session.get(PENDING) or {}
    if not held or timezone.now().timestamp() - held["at"] > PENDING_S:
        return None
    user = User.objects.filter(pk=held["user"], is_active=True).first()
    if user is None or not constant_time_compare(held["mark"], user.get_session_auth_hash()):
        return None
    return user, held["onward"]


def open_session(request: HttpRequest, user: User, onward: str, *, shown: bool) -> HttpResponse:
    """Sign somebody in who has shown all that is asked for, under a new session key."""
    request.session.pop(PENDING, None)
    login(request, user, backend=_BACKEND)
    request.session[SHOWN] = shown
    confirmation.confirm(request.session)
    sessions.begin(request.session)
    answer = redirect(onward)
    devices.remember(request, answer, user.username)
    sign_ins.succeeded(user=user, door="portal")
    return answer


class SessionMiddleware:
    """End sessions that were left, and send those who need a second factor to set one up before anything else."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith((settings.STATIC_URL, "/api/")) or not request.user.is_authenticated:
            return self._answer(request)
        if sessions.is_over(request.session):
            return _sign_in_again(request)
        # What a page asks by itself, while nobody sits before it, is no use of it.
        if not request.headers.get("HX-Request"):
            sessions.note_use(request)
        if not request.session.get(SHOWN) and _must_set_up(request):
            return redirect("security")
        return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        answer: HttpResponse = self.get_response(request)
        return answer


def _must_set_up(request: HttpRequest) -> bool:
    name = request.path
    allowed = (reverse("security"), reverse("sign-out"), reverse("change-password"))
    if name.startswith(allowed) or not isinstance(request.user, User):
        return False
    return factors.is_required_of(request.user) and not factors.is_asked_of(request.user)


def _sign_in_again(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    onward = request.get_full_path() if request.method in {"GET", "HEAD"} else "/"
    return redirect(f"{reverse('sign-in')}?{_query(onward)}")


def _query(onward: str) -> str:
    return urlencode({"next": onward, "ended": 1}, safe="/")
