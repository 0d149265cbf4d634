"""Importing many people: a table and a ZIP, how far the work is, and what became of each line."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from enrollment.models import Import, ImportRow
from enrollment.services.imports import lifecycle, reports, tables
from enrollment.services.imports.files import cells_of
from enrollment.services.imports.work import KIND
from heirloom.api.ranges import streamed
from heirloom.errors import CODES, Refusal
from heirloom.jobs import services as jobs
from heirloom.portal.access import StaffRequest, hr_only
from heirloom.portal.forms import CorrectionForm, ImportForm

PER_PAGE = 50
CSV = "text/csv; charset=utf-8"


@require_safe
@hr_only
def imports(request: StaffRequest) -> HttpResponse:
    page = Paginator(Import.objects.select_related("owner"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "portal/imports.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@hr_only
def new(request: StaffRequest) -> HttpResponse:
    sends = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if sends else ImportForm(initial={"dry_run": True})
    if sends and form.is_valid():
        given = form.cleaned_data
        try:
            batch = lifecycle.submit(
                owner=request.user,
                table=given["table"].chunks(),
                photos=_chunks(given["photos"]),
                dry_run=given["dry_run"],
            )
        except Refusal as refusal:
            _tell(form, refusal)
        else:
            return _go_to(request, batch)
    shown = {"form": form, "columns": tables.COLUMNS, "required": tables.REQUIRED}
    return render(request, "portal/import_new.html", shown, status=422 if form.errors else None)


@require_safe
@hr_only
def show(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    """How far an import is; while it is worked on, the page asks again every other second."""
    batch = get_object_or_404(Import.objects.select_related("owner"), pk=import_id)
    return _page(request, batch, CorrectionForm())


@require_POST
@hr_only
def retry(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    """Carry out what can go better: a dry run for real, what failed for a passing reason, or a correction."""
    batch = get_object_or_404(Import.objects.select_related("owner"), pk=import_id)
    form = CorrectionForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            lifecycle.retry(
                batch=batch,
                actor=request.user,
                table=_chunks(form.cleaned_data["table"]),
                photos=_chunks(form.cleaned_data["photos"]),
                for_real="for_real" in request.POST,
            )
        except Refusal as refusal:
            _tell(form, refusal)
        else:
            return _go_to(request, batch)
    return _page(request, batch, form)


@require_POST
@hr_only
def cancel(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    batch = get_object_or_404(Import, pk=import_id)
    if not batch.is_done:
        lifecycle.cancel(batch=batch, actor=request.user)
    return redirect("import", batch.id)


@require_safe
@hr_only
def errors_csv(request: StaffRequest, import_id: uuid.UUID) -> HttpResponseBase:
    lines = reports.refused_lines(get_object_or_404(Import, pk=import_id))
    return streamed(request, lines, content_type=CSV, filename="errors.csv")


@require_safe
@hr_only
def template_csv(request: StaffRequest) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return HttpResponse(tables.template(), content_type=CSV, headers=headers)


def _page(request: StaffRequest, batch: Import, form: forms.Form) -> HttpResponse:
    job = None if batch.is_done else jobs.latest(kind=KIND, subject_id=batch.id)
    shown: dict[str, Any] = {
        "batch": batch,
        "job": job,
        "waits_for": CODES[job.error_code] if job and job.error_code else None,
        "faults": [(fault["detail"], CODES[fault["code"]].remedy) for fault in batch.faults],
        "passing": batch.rows.refused().filter(codes__overlap=lifecycle.PASSING).count() if batch.is_done else 0,
        "form": form,
    }
    if batch.is_done:
        shown |= _rows(batch, request.GET.get("verdict", ""), request.GET.get("page"))
    template = "portal/import_state.html" if request.htmx and request.method == "GET" else "portal/import.html"
    return render(request, template, shown, status=422 if form.errors else None)


def _rows(batch: Import, verdict: str, number: str | None) -> dict[str, Any]:
    rows = batch.rows.select_related("person")
    if verdict in ImportRow.Verdict.values:
        rows = rows.filter(verdict=verdict)
    page = Paginator(rows, PER_PAGE).get_page(number)
    on_page = list(page)
    lines = [_line(row, cells) for row, cells in zip(on_page, cells_of(batch, on_page), strict=True)]
    return {"page": page, "lines": lines, "verdict": verdict}


def _line(row: ImportRow, cells: Any) -> dict[str, Any]:
    """Return a row as the page tells of it: by its cells while they are kept, else by the person."""
    photos = [code for photo in row.photos if not photo["accepted"] for code in photo["reasons"]]
    return {
        "row": row,
        "full_name": cells.get("full_name") or (row.person.full_name if row.person else ""),
        "employee_id": cells.get("employee_id") or (row.person.employee_id if row.person else ""),
        "faults": [(fault["attr"], fault["detail"], CODES[fault["code"]].remedy) for fault in row.faults],
        "photos": [CODES[code].text for code in dict.fromkeys(photos) if code not in row.codes],
    }


def _go_to(request: StaffRequest, batch: Import) -> HttpResponse:
    address = reverse("import", args=[batch.id])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def _tell(form: forms.Form, refusal: Refusal) -> None:
    field = refusal.attr if refusal.attr in form.fields else None
    form.add_error(field, forms.ValidationError(f"{refusal.detail} {refusal.entry.remedy}", code=refusal.code))


def _chunks(file: "UploadedFile[bytes] | None") -> Iterable[bytes] | None:
    return None if file is None else file.chunks()
