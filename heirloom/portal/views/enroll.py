"""Enrolling: a new person, more captures of one, and what became of a visit."""

import uuid

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from enrollment.models import Enrollment, Person
from enrollment.services.enrollments import Newcomer, submit
from heirloom.errors import CODES, Refusal
from heirloom.portal.access import StaffRequest, hr_only
from heirloom.portal.forms import CapturesForm, EnrollForm, RenewForm
from heirloom.portal.outcomes import judged
from heirloom.portal.uploads import SOURCE, Uploads
from heirloom.portal.views.people import departments

UNPROCESSABLE = 422
# From three references on, recognition fails far less often (docs/models/dlib.md).
GOOD_REFERENCES = 3


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def enroll(request: StaffRequest) -> HttpResponse:
    """A new person. What is wrong stands at its field, and everything typed and chosen is kept."""
    form = EnrollForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        uploads = Uploads(form.cleaned_data["captures"])
        consent = form.consent(settings.CONSENT_POLICY_VERSION)
        try:
            details = form.details()
            newcomer = Newcomer(details.pop("full_name"), details)
            visit = submit(visitor=newcomer, uploads=uploads, source=SOURCE, actor=request.user, consent=consent)
        except Refusal as refusal:
            _tell(form, refusal, uploads)
        else:
            return _go_to(request, visit)
    return _page(request, "portal/enroll.html", {"form": form, "departments": departments()}, form)


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def enroll_more(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    """More captures of a person; consent is asked for where none to the current text is active."""
    person = get_object_or_404(Person, pk=person_id)
    consent = person.consents.active().first()
    current = consent is not None and consent.policy_version == settings.CONSENT_POLICY_VERSION
    form = (CapturesForm if current else RenewForm)(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        uploads = Uploads(form.cleaned_data["captures"])
        given = form.consent(settings.CONSENT_POLICY_VERSION) if isinstance(form, RenewForm) else None
        try:
            visit = submit(visitor=person, uploads=uploads, source=SOURCE, actor=request.user, consent=given)
        except Refusal as refusal:
            _tell(form, refusal, uploads)
        else:
            return _go_to(request, visit)
    return _page(
        request, "portal/enroll_more.html", {"form": form, "person": person, "asks_consent": not current}, form
    )


@require_safe
@hr_only
def result(request: StaffRequest, enrollment_id: uuid.UUID) -> HttpResponse:
    """What became of a visit; while it is worked on, the page asks again every second."""
    visit = get_object_or_404(Enrollment.objects.with_rows(), pk=enrollment_id)
    consent = visit.person.consents.active().first()
    received = [judged(capture, number) for number, capture in enumerate(visit.captures.all(), start=1)]
    shown = {
        "visit": visit,
        "person": visit.person,
        "captures": received,
        "accepted": sum(1 for one in received if one.accepted),
        "advises_more": visit.person.templates.active().count() < GOOD_REFERENCES,
        "reasons": [CODES[code] for code in visit.reasons],
        "form": CapturesForm() if consent and consent.policy_version == settings.CONSENT_POLICY_VERSION else None,
    }
    return render(request, "portal/visit.html" if request.htmx else "portal/enrollment.html", shown)


def _page(request: StaffRequest, template: str, shown: dict[str, object], form: forms.Form) -> HttpResponse:
    shown |= {"policy_version": settings.CONSENT_POLICY_VERSION, "purpose": settings.CONSENT_PURPOSE}
    shown["sends_clips_elsewhere"] = settings.TRANSCODER == "zencoder"
    return render(request, template, shown, status=UNPROCESSABLE if form.errors else None)


def _go_to(request: StaffRequest, visit: Enrollment) -> HttpResponse:
    address = reverse("enrollment", args=[visit.id])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _tell(form: forms.Form, refusal: Refusal, uploads: Uploads) -> None:
    """Put a refusal at the field that it is about, in plain words."""
    words = f"{refusal.detail} {refusal.entry.remedy}"
    if refusal.attr in form.fields:
        form.add_error(refusal.attr, forms.ValidationError(words, code=refusal.code))
    elif refusal.code == "consent_required":
        form.add_error(None, forms.ValidationError(words, code=refusal.code))
    else:
        named = f"{uploads.current}: {words}" if uploads.current else words
        form.add_error("captures", forms.ValidationError(named, code=refusal.code))
