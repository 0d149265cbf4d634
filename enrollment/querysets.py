"""Questions about sets of people and their rows."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q, Subquery
from django.db.models.functions import Cast, Coalesce
from pgvector import HalfVector

from heirloom.accounts.limits import GalleryLimit

if TYPE_CHECKING:
    from enrollment.models import (
        Capture,
        Consent,
        Enrollment,
        FaceTemplate,
        Import,
        ImportRow,
        Person,
        PersonTemplate,
    )  # fmt: skip


# Each word is four more conditions; a page of words would keep the database busy for minutes.
MOST_WORDS = 8


class PersonQuerySet(models.QuerySet["Person"]):
    def search(self, words: str) -> "PersonQuerySet":
        """Keep who matches every word, of the first eight, by name, employee number, department or position."""
        found = self
        for word in words.split()[:MOST_WORDS]:
            found = found.filter(
                Q(full_name__icontains=word)
                | Q(employee_id__icontains=word)
                | Q(department__icontains=word)
                | Q(position__icontains=word)
            )
        return found

    def named(self, references: Iterable[str]) -> "PersonQuerySet":
        """Keep the people with these ids, ours or those that client apps gave."""
        given = list(references)
        ours = [parsed for parsed in map(_uuid, given) if parsed is not None]
        return self.filter(Q(pk__in=ours) | Q(external_id__in=given))

    def within(self, limit: GalleryLimit | None) -> "PersonQuerySet":
        """Keep whom a caller may find or name; None: everybody."""
        if limit is None:
            return self
        return self.filter(Q(pk__in=limit.person_ids) | Q(department__in=limit.departments))

    def enrolled(self) -> "PersonQuerySet":
        """Keep who has a face to be compared with, whatever the model."""
        return self.filter(pk__in=self.model.objects.filter(person_templates__isnull=False).values("pk"))

    def not_enrolled(self) -> "PersonQuerySet":
        return self.filter(person_templates=None)

    def enrolled_without(self, model: str) -> "PersonQuerySet":
        """Keep who is enrolled, but has nothing that templates of this model can be compared with."""
        return self.enrolled().exclude(person_templates__model=model)

    def with_captures_lacking(self, model: str) -> "PersonQuerySet":
        """Keep who has captures with templates in use, but none of this model."""
        captures = CaptureQuerySet(self.model._meta.get_field("captures").related_model).lacking(model)
        return self.filter(pk__in=captures.values("person"))

    def with_reference_counts(self) -> "PersonQuerySet":
        """Add `reference_count`: how many active references each person has, under the model that has most."""
        # A subquery is answered for one page; a join would be grouped for all people before the page is cut.
        rows = self.model._meta.get_field("person_templates").related_model._default_manager
        most = rows.filter(person=OuterRef("pk")).order_by("-reference_count").values("reference_count")[:1]
        return self.annotate(reference_count=Coalesce(Subquery(most), 0))


class ConsentQuerySet(models.QuerySet["Consent"]):
    def active(self) -> "ConsentQuerySet":
        return self.filter(is_active=True)


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def with_rows(self) -> "EnrollmentQuerySet":
        return self.select_related("person", "duplicate_of").prefetch_related("captures")


class FaceTemplateQuerySet(models.QuerySet["FaceTemplate"]):
    def active(self) -> "FaceTemplateQuerySet":
        return self.filter(retired_at=None)


class PersonTemplateQuerySet(models.QuerySet["PersonTemplate"]):
    def gallery(
        self, model: str, *, dimensions: int, person_ids: Iterable[uuid.UUID] | None = None
    ) -> "PersonTemplateQuerySet":
        """The people that a search with this model can find, all or the given ones."""
        rows = self.filter(model=model, dimensions=dimensions)
        return rows if person_ids is None else rows.filter(person_id__in=list(person_ids))

    def nearest(self, vector: HalfVector, *, dimensions: int, count: int) -> "PersonTemplateQuerySet":
        """Order by cosine distance to a protected vector, the nearest first; the cast is what the index stands on."""
        distance = models.expressions.RawSQL(  # noqa: S611 - `dimensions` is an int of ours, the vector a parameter
            f"(vector::halfvec({int(dimensions)})) <=> %s::halfvec({int(dimensions)})",
            [vector.to_text()],
            output_field=models.FloatField(),
        )
        return self.annotate(distance=distance).order_by("distance")[:count]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class CaptureQuerySet(models.QuerySet["Capture"]):
    def lacking(self, model: str) -> "CaptureQuerySet":
        """Keep those with templates in use of other models, but none of this one."""
        templates = FaceTemplateQuerySet(self.model._meta.get_field("templates").related_model)
        rows = templates.active().filter(capture=OuterRef("pk"))
        return self.filter(Exists(rows), ~Exists(rows.filter(model=model)))

    def held(self) -> "CaptureQuerySet":
        """Keep those whose file is still here; of others nothing is known that could be compared."""
        return self.exclude(storage_name="")

    def before(self, capture: "Capture") -> "CaptureQuerySet":
        """Keep what was received earlier."""
        return self.filter(received_at__lt=capture.received_at).exclude(pk=capture.pk)

    def looking_like(
        self, hashes: Sequence[int], *, most_bits: int, least_share: float, newest: int
    ) -> list[uuid.UUID]:
        """Return the ids of those, among the newest so many, that resemble at least a share of the hashed pictures.

        hashes: as vision.fingerprint makes them, resembling when they differ in at most so many bits.
        """
        rows, values = self.order_by("-received_at").values("id", "perceptual_hashes")[:newest].query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.id FROM (" + rows + ") c, unnest(c.perceptual_hashes) kept,"  # noqa: S608 - Django's own SQL
                " unnest(%s::bigint[]) WITH ORDINALITY given(hash, number)"
                " WHERE bit_count((kept # given.hash)::bit(64)) <= %s"
                " GROUP BY c.id HAVING count(DISTINCT given.number) >= %s",
                [*values, list(hashes), most_bits, max(1.0, least_share * len(hashes))],
            )
            return [row[0] for row in cursor.fetchall()]


class ImportQuerySet(models.QuerySet["Import"]):
    def left_since(self, moment: datetime) -> "ImportQuerySet":
        """Keep what was done before a moment and still has files or cells."""
        return self.filter(finished_at__lt=moment, swept_at=None)


class ImportRowQuerySet(models.QuerySet["ImportRow"]):
    def pending(self) -> "ImportRowQuerySet":
        return self.filter(verdict="")

    def refused(self) -> "ImportRowQuerySet":
        return self.filter(verdict="refused")

    def counts(self) -> dict[str, int]:
        """Return how many rows have each verdict that some have."""
        return dict(self.exclude(verdict="").order_by().values_list("verdict").annotate(models.Count("id")))
