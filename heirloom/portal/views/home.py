"""The first page: how things stand."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from enrollment.models import Enrollment, Person
from heirloom.portal.access import StaffRequest, hr_only
from heirloom.reviews.models import Review
from verification.services import attempts

LATEST = 8


@require_safe
@hr_only
def home(request: StaffRequest) -> HttpResponse:
    shown = {
        "people": Person.objects.count(),
        "enrolled": Person.objects.enrolled().count(),
        "in_progress": Enrollment.objects.filter(outcome=Enrollment.Outcome.PENDING).count(),
        "reviews": Review.objects.open().count(),
        "suspended": attempts.suspended(),
        "latest": Enrollment.objects.select_related("person")[:LATEST],
    }
    return render(request, "portal/home.html", shown)
