"""/imports/: many people at once, by a table and a ZIP of photos."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from enrollment.api import import_serializers as wire
from enrollment.api.filters import ImportRowFilters, rows_asked_for
from enrollment.api.serializers import LinksAnswer
from enrollment.models import Import, ImportRow
from enrollment.services.imports import lifecycle, reports, tables
from enrollment.services.imports.files import cells_of
from enrollment.services.imports.work import KIND
from heirloom.api.idempotent import Idempotent
from heirloom.api.negotiation import OneForm
from heirloom.api.pagination import NewestFirst
from heirloom.api.parsers import JSONParser, MultiPartParser
from heirloom.api.permissions import caller, role
from heirloom.api.ranges import streamed
from heirloom.api.refusals import SEALED
from heirloom.jobs.models import Job

CSV = "text/csv; charset=utf-8"


# What taking a table and a ZIP refuses; what is in them is said line by line later.
SENT = (
    "empty_file",
    "table_unreadable",
    "table_columns",
    "archive_invalid",
    "too_many_bytes",
    *SEALED,
)


class InOrder(NewestFirst):
    """Rows in the order of their tables."""

    ordering = ("id",)


class ImportViewSet(Idempotent, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Import]):
    """Bulk imports of people."""

    queryset = Import.objects.select_related("owner")
    serializer_class = wire.ImportSerializer
    permission_classes = [role("hr", "admin")]
    parser_classes = [MultiPartParser, JSONParser]
    content_negotiation_class = OneForm
    costs = {"create": "import", "retry": "import"}
    refuses = {
        "create": SENT,
        "retry": (*SENT, "import_under_way", "import_expired", "nothing_to_retry"),
        "cancel": ("import_settled",),
        "rows": ("key_unavailable",),
        "errors_csv": ("key_unavailable",),
    }

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(_shown(page))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(_shown([self.get_object()])[0])

    @extend_schema(request={"multipart/form-data": wire.ImportInput}, responses={202: LinksAnswer})
    def create(self, request: Request) -> Response:
        """Import people by a table and a ZIP of photos.

        Each line is carried out by itself, after the answer: follow `links.self`, then `links.rows`. docs/imports.md.
        """
        given = wire.ImportInput(data=request.data)
        given.is_valid(raise_exception=True)
        table, photos = given.validated_data["table"], given.validated_data.get("photos")
        batch = lifecycle.submit(
            owner=caller(request),
            table=table.chunks(),
            photos=_chunks(photos),
            dry_run=given.validated_data["dry_run"],
        )
        return _accepted(batch)

    @extend_schema(
        request={"multipart/form-data": wire.RetryInput, "application/json": wire.RetryInput},
        responses={202: LinksAnswer},
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Try again what may go better.

        With a corrected table or ZIP all that was refused, else what failed for a passing reason; `dry_run` false
        carries out what was a dry run.
        """
        batch = self.get_object()
        given = wire.RetryInput(data=request.data)
        given.is_valid(raise_exception=True)
        sent = given.validated_data
        return _accepted(
            lifecycle.retry(
                batch=batch,
                actor=caller(request),
                table=_chunks(sent.get("table")),
                photos=_chunks(sent.get("photos")),
                for_real=sent.get("dry_run") is False,
            )
        )

    @extend_schema(request=None, responses=wire.ImportSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an import. Who is in stays; what was sent is deleted."""
        return Response(_shown([lifecycle.cancel(batch=self.get_object(), actor=caller(request))])[0])

    @extend_schema(
        operation_id="imports_rows_list", parameters=[ImportRowFilters], responses=wire.ImportRowSerializer(many=True)
    )
    @action(detail=True, pagination_class=InOrder)
    def rows(self, request: Request, pk: str) -> Response:
        """List the lines of an import, with the verdict on each."""
        batch = self.get_object()
        rows = rows_asked_for(batch.rows.select_related("person"), request.query_params)
        page: list[ImportRow] = self.paginate_queryset(rows) or []  # type: ignore[arg-type]
        context = {"cells": {row.pk: cells for row, cells in zip(page, cells_of(batch, page), strict=True)}}
        return self.get_paginated_response(wire.ImportRowSerializer(page, many=True, context=context).data)

    @extend_schema(operation_id="imports_errors_csv", responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=True, url_path=r"errors\.csv", url_name="errors-csv")
    def errors_csv(self, request: Request, pk: str) -> HttpResponseBase:
        """Download the refused lines as a table, to be corrected and sent back."""
        lines = reports.refused_lines(self.get_object())
        return streamed(request._request, lines, content_type=CSV, filename="errors.csv")

    @extend_schema(operation_id="imports_template_csv", responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False, url_path=r"template\.csv", url_name="template-csv")
    def template_csv(self, request: Request) -> HttpResponse:
        """Download a table to begin with: every column, and one line as an example."""
        headers = {"Content-Disposition": 'attachment; filename="people.csv"'}
        return HttpResponse(tables.template(), content_type=CSV, headers=headers)


def _shown(batches: Sequence[Import]) -> list[Any]:
    working = [batch.id for batch in batches if not batch.is_done]
    jobs = Job.objects.filter(kind=KIND, subject_id__in=working).order_by("created_at") if working else ()
    context = {"jobs": {job.subject_id: job for job in jobs}}
    return list(wire.ImportSerializer(batches, many=True, context=context).data)


def _accepted(batch: Import) -> Response:
    links = wire.links_of(batch)
    answer = {"id": batch.id, "status": "queued", "links": links}
    return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": links["self"]})


def _chunks(file: "UploadedFile[bytes] | None") -> Iterable[bytes] | None:
    return None if file is None else file.chunks()
