"""Who is enrolled: people, consents, captures, templates."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from pgvector.django import HalfVectorField

from enrollment import private
from enrollment.private import Private
from enrollment.querysets import (
    CaptureQuerySet,
    ConsentQuerySet,
    EnrollmentQuerySet,
    FaceTemplateQuerySet,
    ImportQuerySet,
    ImportRowQuerySet,
    PersonQuerySet,
    PersonTemplateQuerySet,
)


class Person(models.Model):
    """Someone who may be enrolled."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    employee_id = models.CharField("employee number", max_length=64, unique=True, null=True, blank=True)
    external_id = models.CharField(max_length=128, unique=True, null=True, blank=True)
    full_name = models.CharField(max_length=200)
    department = models.CharField(max_length=120, blank=True, db_index=True)
    position = models.CharField(max_length=120, blank=True)
    # Mail address and metadata, sealed (enrollment.private); NULL: nothing is noted.
    private_sealed = models.BinaryField(null=True, editable=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # What was kept before instead, plain; emptied by `manage.py reseal`.
    plain_email = models.EmailField(blank=True, default="", editable=False)
    plain_metadata = models.JSONField(default=dict, blank=True, editable=False)

    objects = PersonQuerySet.as_manager()

    class Meta:
        ordering = ("full_name", "id")
        verbose_name_plural = "people"
        indexes = [
            models.Index(fields=["full_name", "id"]),
            # Whom no search may find: few, and asked for by each.
            models.Index(fields=["id"], condition=~Q(status="active"), name="people_not_active"),
            models.Index(
                fields=["id"], condition=~Q(plain_email="") | ~Q(plain_metadata={}), name="people_noted_before"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def email(self) -> str:
        return self.private.email

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self.private.metadata)

    @property
    def private(self) -> Private:
        """What is noted, opened once for what is sealed now: a query unless `private.open_all` did it before."""
        held: tuple[object, Private] | None = self.__dict__.get("_private")
        if held is None or held[0] is not self.private_sealed:
            return self.hold_private(private.opened(self))
        return held[1]

    def hold_private(self, noted: Private) -> Private:
        """Have at hand what was opened of what is sealed now."""
        self.__dict__["_private"] = (self.private_sealed, noted)
        return noted

    @property
    def public_id(self) -> str:
        """The id as the caller gave it, else ours."""
        return self.external_id or str(self.id)


class Consent(models.Model):
    """That a person agreed: to which text, for what, how and when, and whether it still holds."""

    class Method(models.TextChoices):
        WRITTEN = "written", "Signed on paper"
        ELECTRONIC = "electronic", "Signed electronically"
        RECORDED_BASIS = "recorded_basis", "By the client's recorded basis"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="consents")
    policy_version = models.CharField(max_length=64)
    purpose = models.CharField(max_length=200)
    method = models.CharField(max_length=32)
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ("-given_at",)
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(is_active=True), name="one_active_consent"),
            models.UniqueConstraint(fields=["id", "person", "is_active"], name="consent_named_by_templates"),
            models.CheckConstraint(
                condition=Q(is_active=True, withdrawn_at=None) | Q(is_active=False, withdrawn_at__isnull=False),
                name="consent_active_until_withdrawn",
            ),
        ]


class Enrollment(models.Model):
    """One visit: the captures handed in together for one person, and what became of them."""

    class Outcome(models.TextChoices):
        PENDING = "pending", "In progress"
        ENROLLED = "enrolled", "Enrolled"
        REFUSED = "refused", "Nothing was enrolled"
        NEEDS_REVIEW = "needs_review", "Waits for a reviewer"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="enrollments")
    source = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.PENDING)
    reasons = ArrayField(models.CharField(max_length=40), default=list)
    duplicate_of = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    duplicate_similarity = models.FloatField(null=True)
    duplicate_cleared = models.BooleanField(default=False)
    # A reviewer took the face for that of this person, of whom nothing was left to compare it with.
    face_cleared = models.BooleanField(default=False)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # How its photos are read: by which pack ("" = the active one), and whether one pass of the detector must do.
    pack = models.CharField(max_length=80, blank=True)
    is_fast = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)

    @property
    def is_pending(self) -> bool:
        return self.outcome == self.Outcome.PENDING


class Capture(models.Model):
    """One received photo or clip, encrypted at rest under the key of its subject."""

    class Kind(models.TextChoices):
        PHOTO = "image", "Photo"
        CLIP = "video", "Clip"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    subject = models.UUIDField(help_text="Whose data key seals the file: a person, or this capture itself.")
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="captures")
    enrollment = models.ForeignKey(Enrollment, models.CASCADE, null=True, related_name="captures")
    kind = models.CharField(max_length=8, choices=Kind)
    mime = models.CharField(max_length=64)
    source = models.CharField(max_length=16)
    storage_name = models.CharField(max_length=200)
    # What finds equal bytes handed in again, keyed (crypto.marks); "" where none are held.
    bytes_mark = models.CharField(max_length=64, blank=True, default="")
    size_bytes = models.BigIntegerField()
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_s = models.FloatField(null=True)
    # What was out of order though the file could be used: codes of errors.CODES.
    notes = ArrayField(models.CharField(max_length=40), default=list)
    # One verdict for a photo, one for each chosen frame of a clip: {at_s, accepted, reasons, quality, template_id}.
    verdicts = models.JSONField(default=list)
    # What finds a copy handed in again, keyed likewise, and who the file says made it (media.types.Provenance).
    looks_marks = ArrayField(models.BigIntegerField(), default=list)
    provenance = models.JSONField(default=dict)
    # What was kept before instead of the marks, plain; emptied by `manage.py reseal`.
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    perceptual_hashes = ArrayField(models.BigIntegerField(), default=list, editable=False)
    received_at = models.DateTimeField(auto_now_add=True)

    objects = CaptureQuerySet.as_manager()

    class Meta:
        ordering = ("received_at", "id")
        indexes = [
            models.Index(fields=["bytes_mark"]),
            models.Index(fields=["received_at"]),
            models.Index(fields=["id"], condition=~Q(sha256=""), name="captures_marked_before"),
        ]

    @property
    def file_place(self) -> str:
        """What its file must be called, whatever `storage_name` says (crypto.files)."""
        return f"captures/{self.id}"

    @property
    def is_accepted(self) -> bool:
        return any(verdict["accepted"] for verdict in self.verdicts)


class FaceTemplate(models.Model):
    """The features of one face from one capture. The database holds it to an active consent of the same person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.CASCADE, related_name="templates")
    consent = models.ForeignKey(Consent, models.PROTECT, related_name="templates")
    consent_active = models.BooleanField(default=True)
    capture = models.ForeignKey(Capture, models.CASCADE, related_name="templates")
    at_s = models.FloatField(null=True)
    model = models.CharField(max_length=64)
    vector_sealed = models.BinaryField()
    quality = models.FloatField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    objects = FaceTemplateQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = [models.CheckConstraint(condition=Q(consent_active=True), name="template_needs_active_consent")]


class PersonTemplate(models.Model):
    """What a person is compared with: the mean of one model's active templates, sealed, and protected for search."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="person_templates")
    model = models.CharField(max_length=64)
    dimensions = models.PositiveSmallIntegerField()
    reference_count = models.PositiveSmallIntegerField()
    vector_sealed = models.BinaryField()
    vector = HalfVectorField()
    protection = models.CharField(max_length=32, help_text="Fingerprint of how the vector is centered and rotated.")
    updated_at = models.DateTimeField(auto_now=True)

    objects = PersonTemplateQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "model"], name="one_row_per_person_and_model")]
        indexes = [models.Index(fields=["model", "protection"], name="kinds_of_search_vectors")]


class CaptureLink(models.Model):
    """A link to a capture's plaintext, for a transcoder elsewhere: unguessable, short-lived, good for one reading.

    Only the SHA-256 of its token is kept. The row goes with the capture, and as soon as the link has served.
    """

    token_sha256 = models.CharField(max_length=64, primary_key=True)
    capture = models.ForeignKey(Capture, models.CASCADE, related_name="+")
    requests_left = models.PositiveSmallIntegerField()
    expires_at = models.DateTimeField()


class TranscoderNotice(models.Model):
    """That a transcoder elsewhere told how a job of an order of ours ended; each state of a job counts once."""

    order = models.UUIDField(db_index=True)
    job = models.BigIntegerField()
    state = models.CharField(max_length=16)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "state"], name="one_notice_per_job_and_state")]


class Import(models.Model):
    """Many people handed in together: a table, and a ZIP of their photos. What became of each line stands in its rows.

    Its files and the cells of its rows are sealed under a key of its own, which is destroyed with them.
    """

    class Outcome(models.TextChoices):
        COMPLETED = "completed", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    dry_run = models.BooleanField()
    # Where the files are stored, "" once they are gone; the table goes as soon as its lines are rows.
    table_name = models.CharField(max_length=200, blank=True)
    archive_name = models.CharField(max_length=200, blank=True)
    # How many tables were read for it; a corrected one is read in place of what was refused.
    tables = models.PositiveSmallIntegerField(default=0)
    # None until the table is read. The counts by verdict are kept with each row's own.
    total = models.PositiveIntegerField(null=True)
    accepted = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    needs_review = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    outcome = models.CharField(max_length=16, choices=Outcome, blank=True)
    # Why it failed as a whole: {code, detail, attr} each.
    faults = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    # When all that was sent for it was deleted.
    swept_at = models.DateTimeField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [models.Index(fields=["-created_at", "-id"])]

    @property
    def is_done(self) -> bool:
        return bool(self.outcome)

    @property
    def settled(self) -> int:
        """How many rows have their verdict."""
        return self.accepted + self.unchanged + self.needs_review + self.refused

    @property
    def pending(self) -> int:
        return 0 if self.total is None else self.total - self.settled


class ImportRow(models.Model):
    """One line of an import's table, and what became of it. Its cells are kept only where they are still needed."""

    class Verdict(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        UNCHANGED = "unchanged", "Unchanged"
        NEEDS_REVIEW = "needs_review", "Waits for a reviewer"
        REFUSED = "refused", "Refused"

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(Import, models.CASCADE, related_name="rows")
    table = models.PositiveSmallIntegerField(help_text="Which table of the import it stands in, from 1.")
    line = models.PositiveIntegerField(help_text="Where in the table it begins; the heading is line 1.")
    cells_sealed = models.BinaryField(null=True)
    verdict = models.CharField(max_length=16, choices=Verdict, blank=True)
    codes = ArrayField(models.CharField(max_length=40), default=list)
    # {code, detail, attr} each; attr is a column. None of it repeats what stands in the cells.
    faults = models.JSONField(default=list)
    # One verdict for each photo, in the order of the table: {accepted, reasons, quality}.
    photos = models.JSONField(default=list)
    # Whom the line enrolled, or who has its number already.
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    enrollment = models.ForeignKey(Enrollment, models.SET_NULL, null=True, related_name="+")

    objects = ImportRowQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [models.UniqueConstraint(fields=["batch", "table", "line"], name="one_row_per_line")]
        indexes = [models.Index(fields=["batch", "verdict", "id"])]


class Erasure(models.Model):
    """That a person was erased, and until when nothing of them may be found on the disk: the receipt.

    The id points nowhere. `xid` is the transaction that erased, by which the database's files are known to be past it.
    """

    person_id = models.UUIDField(primary_key=True)
    erased_at = models.DateTimeField()
    due_at = models.DateTimeField()
    xid = models.BigIntegerField()
    completed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="erasures_to_complete", fields=["due_at"], condition=Q(completed_at=None))]
