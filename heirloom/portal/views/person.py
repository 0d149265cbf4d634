"""The page of one person, and what can be done there."""

import uuid

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enrollment.models import Person
from enrollment.services import consents, people
from heirloom.api.ranges import streamed
from heirloom.errors import Refusal
from heirloom.portal.access import StaffRequest, hr_only
from heirloom.portal.erasure import erase_person
from heirloom.portal.export import export_person, filename
from heirloom.portal.forms import EditForm, EraseForm
from heirloom.portal.history import history
from heirloom.portal.outcomes import judged
from heirloom.portal.views.people import departments
from heirloom.vision.gates import PASSING_SCORE
from verification.models import Verification
from verification.services import attempts

VERIFICATIONS_SHOWN = 10


@require_safe
@hr_only
def show(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    received = list(person.captures.order_by("-received_at", "-id"))
    shown = {
        "person": person,
        "consents": person.consents.select_related("recorded_by"),
        # The numbers of a template are of no use to anybody here, so they are not even read.
        "quality_needed": PASSING_SCORE,
        "templates": person.templates.active().select_related("capture").defer("vector_sealed"),
        "captures": [judged(capture, len(received) - index) for index, capture in enumerate(received)],
        "enrollments": person.enrollments.all()[:VERIFICATIONS_SHOWN],
        "verifications": Verification.objects.filter(person=person)[:VERIFICATIONS_SHOWN],
        "history": history(person),
        "face": attempts.of_person(person),
    }
    return render(request, "portal/person.html", shown)


@require_POST
@hr_only
def export(request: StaffRequest, person_id: uuid.UUID) -> HttpResponseBase:
    """Everything that is held on a person, to be handed to them."""
    person = get_object_or_404(Person, pk=person_id)
    chunks = export_person(person=person, actor=request.user, with_vectors=False)
    return streamed(request, chunks, content_type="application/zip", filename=filename(person))


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def edit(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    initial = {name: getattr(person, name) for name in EditForm.DETAILS}
    form = EditForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            people.update_person(person=person, actor=request.user, **form.details())
        except Refusal as refusal:
            field = refusal.attr if refusal.attr in form.fields else None
            form.add_error(field, forms.ValidationError(f"{refusal.detail} {refusal.entry.remedy}", code=refusal.code))
        else:
            messages.success(request, "The details were saved.")
            return redirect("person", person.id)
    shown = {"person": person, "form": form, "departments": departments()}
    return render(request, "portal/person_edit.html", shown, status=422 if form.errors else None)


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def withdraw_consent(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    """Asked for twice: with the consent go all templates, and the person is no longer recognized."""
    person = get_object_or_404(Person, pk=person_id)
    consent = person.consents.active().first()
    if consent is None:
        messages.info(request, "There is no active consent to withdraw.")
        return redirect("person", person.id)
    if request.method == "POST":
        consents.withdraw(consent=consent, actor=request.user)
        messages.success(request, "The consent was withdrawn and all templates are deleted.")
        return redirect("person", person.id)
    shown = {"person": person, "consent": consent, "templates": person.templates.count()}
    return render(request, "portal/withdraw_consent.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def erase(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    """Asked for by typing who it is: nothing of it comes back."""
    person = get_object_or_404(Person, pk=person_id)
    form = EraseForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            receipt = erase_person(person=person, actor=request.user)
        except Refusal as refusal:
            if refusal.code != "not_found":
                raise
            raise Http404 from refusal
        # Without the name: a message is kept, with the session, until it is shown.
        due = date_format(timezone.localtime(receipt.due_at), "j F, H:i")
        messages.success(request, f"Erased. Nothing of this person can be opened; until {due} it leaves the disk too.")
        return redirect("people")
    shown = {
        "person": person,
        "form": form,
        "counts": {"templates": person.templates.count(), "captures": person.captures.count()},
    }
    return render(request, "portal/erase.html", shown, status=422 if form.errors else None)


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def release_face(request: StaffRequest, person_id: uuid.UUID) -> HttpResponse:
    """Asked for twice: somebody should have looked into what was tried."""
    person = get_object_or_404(Person, pk=person_id)
    held, failures = attempts.of_person(person)
    if request.method == "POST":
        if attempts.release(person=person, actor=request.user):
            messages.success(request, "This person can be verified by face again.")
        return redirect("person", person.id)
    shown = {"person": person, "suspended_at": held.suspended_at if held else None, "failures": failures}
    return render(request, "portal/release_face.html", shown)
