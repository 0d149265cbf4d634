"""Sign in, sign out, change the password: one door for the portal and Django admin."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy

from heirloom.accounts import gate
from heirloom.accounts import services as accounts
from heirloom.accounts.models import User
from heirloom.audit import sign_ins
from heirloom.factors import sessions
from heirloom.portal import signing_in


class SignInView(LoginView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "portal/sign_in.html"
    attempt: gate.Try | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Count the try before the password is looked at; a form left empty is none."""
        if request.POST.get("username") and request.POST.get("password"):
            try:
                self.attempt = gate.begin(request, request.POST["username"])
            except gate.LimitedError as limited:
                return locked(request, limited)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        if self.attempt is not None:
            self.attempt.succeeded()
        return signing_in.password_was_right(self.request, form.get_user(), self.get_success_url())

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        tried = form.cleaned_data
        if "username" in tried and "password" in tried:
            sign_ins.failed(request=self.request, username=tried["username"], door="portal")
            for by in self.attempt.closed if self.attempt else ():
                sign_ins.limited(username=tried["username"], door="portal", by=by)
        return super().form_invalid(form)


def locked(request: HttpRequest, limited: gate.LimitedError) -> HttpResponse:
    """Say that no more tries are taken for now, and when again."""
    shown = {"by": limited.by, "minutes": -(-limited.wait_s // 60)}
    answer = render(request, "portal/locked.html", shown, status=429)
    answer.headers["Retry-After"] = str(limited.wait_s)
    return answer


class SignOutView(LogoutView):
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign out, and have the browser forget what it kept of us; the mark of a known browser stays."""
        sessions.forget(request.session)
        answer = super().post(request, *args, **kwargs)
        answer.headers["Clear-Site-Data"] = '"cache", "storage"'
        return answer


class ChangePasswordView(PasswordChangeView):
    """Change one's own password; a login that was given one is sent here first."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "portal/change_password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: "PasswordChangeForm") -> HttpResponse:
        user = cast(User, self.request.user)
        with accounts.recorded(user=user, actor=user):
            answer = super().form_valid(form)
            accounts.only_owner_knows_password(user=user)
        # Tokens end by themselves, and the pages of other sessions would turn them away; this ends them.
        sessions.end_all(user=user, actor=user, but=self.request.session.session_key)
        messages.success(self.request, "Your password was changed.")
        return answer
