"""Imports on the wire."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from enrollment.api.serializers import REASONS
from enrollment.models import Import, ImportRow
from heirloom.errors import CODES
from heirloom.jobs.models import Job, JobState
from heirloom.live.reading import address


class ImportInput(serializers.Serializer[Any]):
    table = serializers.FileField(allow_empty_file=True, help_text="CSV in UTF-8; template.csv is one to begin with.")
    photos = serializers.FileField(
        required=False, allow_empty_file=True, help_text="A ZIP of the photos that the table names."
    )
    dry_run = serializers.BooleanField(
        default=False, help_text="Look at everything and say what would become of each line, but change nobody."
    )


class RetryInput(serializers.Serializer[Any]):
    table = serializers.FileField(required=False, allow_empty_file=True, help_text="Lines to take instead.")
    photos = serializers.FileField(required=False, allow_empty_file=True, help_text="A ZIP to take instead.")
    dry_run = serializers.BooleanField(required=False, help_text="false: what was a dry run is carried out.")


class FaultSerializer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=REASONS)
    detail = serializers.CharField(help_text="What is wrong, in plain words.")
    remedy = serializers.SerializerMethodField(help_text="What to do about it.")
    attr = serializers.CharField(allow_null=True, help_text="The column, or the part of the request.")

    def get_remedy(self, fault: Mapping[str, Any]) -> str:
        return CODES[fault["code"]].remedy


class CountsSerializer(serializers.Serializer[Import]):
    """How many lines have which verdict."""

    total = serializers.IntegerField(allow_null=True, help_text="null until the table is read.")
    accepted = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    needs_review = serializers.IntegerField()
    refused = serializers.IntegerField()
    pending = serializers.IntegerField()


class ImportSerializer(serializers.ModelSerializer[Import]):
    """status: queued, processing or done; then outcome. While it is worked on, `reasons` says what it waits for."""

    status = serializers.SerializerMethodField()
    stage = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField(help_text="0 to 100.")
    outcome = serializers.SerializerMethodField()
    reasons = serializers.SerializerMethodField()
    faults = FaultSerializer(many=True, help_text="Why it failed as a whole.")
    counts = CountsSerializer(source="*")
    requested_by = serializers.CharField(source="owner.username", allow_null=True, default=None)
    links = serializers.SerializerMethodField()

    class Meta:
        model = Import
        fields = (
            "id",
            "dry_run",
            "status",
            "stage",
            "progress",
            "outcome",
            "reasons",
            "faults",
            "counts",
            "requested_by",
            "links",
            "created_at",
            "finished_at",
        )

    def get_status(self, row: Import) -> str:
        if row.is_done:
            return "done"
        job = self._job(row)
        return "queued" if job is None or job.state == JobState.QUEUED else "processing"

    def get_stage(self, row: Import) -> str:
        job = self._job(row)
        return job.stage if job else ""

    def get_progress(self, row: Import) -> int:
        job = self._job(row)
        return 100 if row.is_done else (job.progress if job else 0)

    def get_outcome(self, row: Import) -> str | None:
        return row.outcome or None

    def get_reasons(self, row: Import) -> list[str]:
        job = self._job(row)
        return [job.error_code] if job and job.error_code else [fault["code"] for fault in row.faults]

    def get_links(self, row: Import) -> dict[str, str]:
        return links_of(row)

    def _job(self, row: Import) -> Job | None:
        return None if row.is_done else self.context["jobs"].get(row.id)


class RowPhotoSerializer(serializers.Serializer[Any]):
    accepted = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=REASONS))
    quality = serializers.FloatField(allow_null=True)


class ImportRowSerializer(serializers.ModelSerializer[ImportRow]):
    """employee_id and full_name: as the line says them while it is kept, else those of the person."""

    table = serializers.IntegerField(help_text="Which table of this import: 1, and one more for each corrected one.")
    verdict = serializers.SerializerMethodField(help_text="null as long as the line was not looked at.")
    faults = FaultSerializer(many=True)
    codes = serializers.ListField(child=serializers.ChoiceField(choices=REASONS))
    photos = RowPhotoSerializer(many=True, help_text="One verdict for each photo, in the order of the table.")
    employee_id = serializers.SerializerMethodField()
    full_name = serializers.SerializerMethodField()
    person_id = serializers.UUIDField(allow_null=True, help_text="Whom it made, or who has this number already.")
    enrollment_id = serializers.UUIDField(allow_null=True)

    class Meta:
        model = ImportRow
        fields = (
            "table", "line", "verdict", "codes", "faults", "photos", "employee_id", "full_name", "person_id",
            "enrollment_id",
        )  # fmt: skip

    def get_verdict(self, row: ImportRow) -> str | None:
        return row.verdict or None

    def get_employee_id(self, row: ImportRow) -> str | None:
        return self._said(row, "employee_id")

    def get_full_name(self, row: ImportRow) -> str | None:
        return self._said(row, "full_name")

    def _said(self, row: ImportRow, name: str) -> str | None:
        cells = self.context["cells"].get(row.pk) or {}
        return cells.get(name) or (getattr(row.person, name) if row.person else None)


def links_of(row: Import) -> dict[str, str]:
    """Return where an import is followed."""
    names = {"self": "detail", "rows": "rows", "errors": "errors-csv"}
    links = {name: reverse(f"import-{route}", args=[row.id]) for name, route in names.items()}
    return {**links, "live": address("import", row.id)}
