"""People, consents, captures and templates on the wire."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from enrollment import private
from enrollment.models import Capture, Consent, Enrollment, FaceTemplate, Person
from heirloom.api.images import Base64ImageField
from heirloom.api.parsers import read_field, refuse_unstorable
from heirloom.errors import CODES
from heirloom.jobs import services as jobs
from heirloom.jobs.models import Job
from heirloom.vision.gates import PASSING_SCORE

CLOCKS_DIFFER_BY = timedelta(minutes=5)


REASONS = sorted(CODES)


class ConsentInput(serializers.Serializer[Any]):
    policy_version = serializers.CharField(max_length=64)
    given_at = serializers.DateTimeField()
    method = serializers.CharField(max_length=32)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate_given_at(self, given_at: datetime) -> datetime:
        if given_at > timezone.now() + CLOCKS_DIFFER_BY:
            raise serializers.ValidationError("This time has not come yet.", code="in_the_future")
        return given_at


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    class Meta:
        model = Consent
        fields = ("id", "policy_version", "purpose", "method", "given_at", "expires_at", "withdrawn_at", "is_active")


class PersonSerializer(serializers.ModelSerializer[Person]):
    example = {"full_name": "Grace Hopper", "employee_id": "E-1001", "department": "Research"}
    reference_count = serializers.IntegerField(read_only=True, default=0)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=private.LONGEST_EMAIL)
    metadata = serializers.DictField(required=False)

    class Meta:
        model = Person
        fields = (
            "id",
            "employee_id",
            "external_id",
            "full_name",
            "department",
            "position",
            "email",
            "metadata",
            "status",
            "reference_count",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("id", "created_at", "updated_at")
        # The service answers 409 "employee_id_taken"; DRF's own check would answer 400 and race.
        extra_kwargs: ClassVar[dict[str, Any]] = {"employee_id": {"validators": []}, "external_id": {"validators": []}}


class TemplateSerializer(serializers.ModelSerializer[FaceTemplate]):
    """Facts of a template, without its numbers."""

    class Meta:
        model = FaceTemplate
        fields = ("id", "model", "quality", "capture", "at_s", "created_at", "retired_at")


class VerdictSerializer(serializers.Serializer[Any]):
    at_s = serializers.FloatField(allow_null=True)
    accepted = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=REASONS))
    quality = serializers.FloatField(allow_null=True, help_text="0 to 100; how it is measured: docs/models/quality.md.")
    quality_needed = serializers.SerializerMethodField(help_text="What quality is good enough.")
    quality_components = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=100, allow_null=True),
        default=dict,
        help_text="Components of ISO/IEC 29794-5 by name, 0 to 100; null where there is nothing to measure.",
    )
    template_id = serializers.UUIDField(allow_null=True)

    def get_quality_needed(self, _: Any) -> float:
        return PASSING_SCORE


class CaptureSerializer(serializers.ModelSerializer[Capture]):
    verdicts = VerdictSerializer(many=True)
    notes = serializers.ListField(child=serializers.ChoiceField(choices=REASONS))

    class Meta:
        model = Capture
        fields = (
            "id",
            "kind",
            "mime",
            "source",
            "size_bytes",
            "width",
            "height",
            "duration_s",
            "notes",
            "verdicts",
            "received_at",
        )


class EnrollmentSerializer(serializers.ModelSerializer[Enrollment]):
    """One visit. status: processing or done; then outcome, reasons and a verdict for each file."""

    example = {"outcome": "enrolled"}

    status = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    stage = serializers.SerializerMethodField()
    captures = CaptureSerializer(many=True)

    class Meta:
        model = Enrollment
        fields = (
            "id",
            "person",
            "status",
            "progress",
            "stage",
            "outcome",
            "reasons",
            "captures",
            "created_at",
            "finished_at",
        )

    def get_status(self, row: Enrollment) -> str:
        return "processing" if row.is_pending else "done"

    def get_progress(self, row: Enrollment) -> int:
        if not row.is_pending:
            return 100
        return self._job.progress if self._job else 0

    def get_stage(self, row: Enrollment) -> str:
        return self._job.stage if row.is_pending and self._job else ""

    @cached_property
    def _job(self) -> Job | None:
        return jobs.latest(kind="enrollment", subject_id=self.instance.id) if self.instance else None


class AddFaceInput(serializers.Serializer[Any]):
    example = {"person_id": "emp-001"}

    person_name = serializers.CharField(max_length=200)
    person_id = serializers.CharField(max_length=128, required=False)
    face_image_base64 = Base64ImageField()
    model_name = serializers.CharField(default="auto", max_length=80)
    metadata = serializers.DictField(default=dict)
    fast_mode = serializers.BooleanField(default=False)
    processing_mode = serializers.ChoiceField(choices=("sync", "async"), default="sync")
    consent = ConsentInput(required=False)


class AddFaceAnswer(serializers.Serializer[Any]):
    example = {"person_id": "emp-001"}

    success = serializers.BooleanField()
    person_id = serializers.CharField()
    person_name = serializers.CharField()
    embedding_extracted = serializers.BooleanField()
    model_used = serializers.CharField()
    face_quality = serializers.FloatField()
    processing_time = serializers.FloatField()


class RegisterInput(serializers.Serializer[Any]):
    full_name = serializers.CharField(max_length=200)
    employee_id = serializers.CharField(max_length=64)
    department = serializers.CharField(max_length=120, required=False)
    position = serializers.CharField(max_length=120, required=False)
    model_name = serializers.CharField(default="auto", max_length=80)
    images = serializers.ListField(child=Base64ImageField(), min_length=1, max_length=10)
    metadata = serializers.DictField(default=dict)
    consent = ConsentInput(required=False)


class RegisterAnswer(serializers.Serializer[Any]):
    example = {"person_id": "40389cc7-50c5-4b4d-bcf3-be645f975f91"}

    success = serializers.BooleanField()
    person_id = serializers.CharField()
    accepted = serializers.IntegerField()
    images = VerdictSerializer(many=True)


class ConsentInForm(ConsentInput):
    """A consent as one field of a form: the JSON object that the other endpoints take in their bodies."""

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> Any:
        try:
            given = read_field(data) if isinstance(data, str) else data
            refuse_unstorable(given)
        except ParseError as error:
            raise serializers.ValidationError("Send a JSON object.", code="invalid") from error
        return super().to_internal_value(given)


class CapturesOfUpload(serializers.Serializer[Any]):
    upload_id = serializers.UUIDField(help_text="A finished upload of the caller's; used up by this.")
    consent = ConsentInput(required=False, help_text="A consent that is recorded with the captures.")


class CapturesInput(serializers.Serializer[Any]):
    example = {"files": ["1.jpg", "2.jpg", "3.jpg"]}

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True), min_length=1, max_length=10, required=False
    )
    upload_id = serializers.UUIDField(required=False, help_text="A finished upload of the caller's; used up by this.")
    consent = ConsentInForm(required=False, help_text="A consent that is recorded with the captures, as JSON.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("files" in attrs) == ("upload_id" in attrs):
            raise serializers.ValidationError({"files": "Send either files or upload_id."}, code="required")
        return attrs


class LinksAnswer(serializers.Serializer[Any]):
    example = {
        "status": "queued",
        "links": {
            "self": "/api/v1/enrollments/7cb4d2fd-1416-42e0-a8e9-6d648562ad7e/",
            "live": "/ws/v1/enrollments/7cb4d2fd-1416-42e0-a8e9-6d648562ad7e/",
        },
    }

    id = serializers.UUIDField()
    status = serializers.CharField()
    links = serializers.DictField(child=serializers.CharField())
