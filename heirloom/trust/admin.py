"""Trust reports in Django admin: to be read."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_datetime

from heirloom.accounts.readonly_admin import ReadOnlyAdmin
from heirloom.trust import signing
from heirloom.trust.models import Report
from heirloom.trust.signing import Signature
from heirloom.trust.words import drift_rows, figure_rows


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    list_display = ("made_at", "release", "key_id", "drifted")
    date_hierarchy = "made_at"
    list_per_page = 50

    @admin.display(description="Drift")
    def drifted(self, report: Report) -> str:
        rates = [one["title"] for one in json.loads(report.body)["drift"] if one["state"] == "alarm"]
        return ", ".join(rates) or "—"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of one report; nothing of it can be changed."""
        report = self.get_object(request, unquote(object_id))
        if report is None:
            raise Http404
        if request.method == "POST" or not self.has_view_permission(request, report):
            raise PermissionDenied
        return TemplateResponse(request, "admin/trust/report/page.html", self._shown(request, report))

    def _shown(self, request: HttpRequest, report: Report) -> dict[str, Any]:
        told = json.loads(report.body)
        signature = Signature(report.key_id, report.public_key, report.signature)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Trust: {report.made_at:%-d %B %Y}",
            "report": report,
            "told": told,
            "made_at": parse_datetime(told["made_at"]),
            "is_signed": signing.is_signed(report.body, signature),
            "is_newest": not Report.objects.filter(made_at__gt=report.made_at).exists(),
            "figures": figure_rows(told["figures"]),
            "slices": [{"by": one["by"], "rows": figure_rows(one["groups"])} for one in told["slices"]],
            "drift": drift_rows(told["drift"]),
            "alarms": [one for one in told["drift"] if one["state"] == "alarm"],
        }
