"""A password that somebody else has seen is changed before anything else."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class PasswordChangeMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(("/static/", "/api/")) and self._must_change(request):
            return redirect("change-password")
        return self.get_response(request)

    @staticmethod
    def _must_change(request: HttpRequest) -> bool:
        allowed = {reverse("change-password"), reverse("sign-out")}
        return request.user.is_authenticated and request.user.must_change_password and request.path not in allowed
