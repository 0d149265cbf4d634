"""Sign in, sign out, change the password: one door for the portal and Django admin."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy

from heirloom.accounts import services as accounts
from heirloom.accounts.models import User
from heirloom.audit import sign_ins


class SignInView(LoginView):
    http_method_names = ["get", "head", "post", "options"]
    template_name = "portal/sign_in.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        sign_ins.succeeded(user=form.get_user(), door="portal")
        return answer

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        tried = form.cleaned_data
        if "username" in tried and "password" in tried:
            sign_ins.failed(request=self.request, username=tried["username"], door="portal")
        return super().form_invalid(form)


class SignOutView(LogoutView):
    http_method_names = ["post", "options"]


class ChangePasswordView(PasswordChangeView):
    """Change one's own password; a login that was given one is sent here first."""

    http_method_names = ["get", "head", "post", "options"]
    template_name = "portal/change_password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: "PasswordChangeForm") -> HttpResponse:
        answer = super().form_valid(form)
        accounts.password_changed(user=cast(User, self.request.user))
        messages.success(self.request, "Your password was changed.")
        return answer
