"""The list of people, found as one types."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enrollment.models import Person
from heirloom.portal.access import StaffRequest, hr_only

PER_PAGE = 25


@require_safe
@hr_only
def people(request: StaffRequest) -> HttpResponse:
    words, department = request.GET.get("q", "").strip(), request.GET.get("department", "")
    found = Person.objects.search(words).with_reference_counts().order_by("full_name", "id")
    if department:
        found = found.filter(department=department)
    shown = {
        "page": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "words": words,
        "department": department,
    }
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "portal/people_found.html", shown)
    return render(request, "portal/people.html", {**shown, "departments": departments()})


def departments() -> list[str]:
    """Return every department that somebody is in, in order."""
    named = Person.objects.exclude(department="").order_by("department")
    return list(named.values_list("department", flat=True).distinct())
