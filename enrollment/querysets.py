"""Questions about sets of people and their rows."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models, transaction
from django.db.models import Exists, Func, OuterRef, Q, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Upper
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


# Each step jumps to the next pair in the index: the cost is of how many pairs there are, whatever the number of rows.
KINDS = """
WITH RECURSIVE kind AS (
  (SELECT model, protection FROM enrollment_persontemplate ORDER BY model, protection LIMIT 1)
  UNION ALL
  (SELECT after.model, after.protection FROM kind CROSS JOIN LATERAL (
    SELECT row.model, row.protection FROM enrollment_persontemplate row
    WHERE (row.model, row.protection) > (kind.model, kind.protection) ORDER BY row.model, row.protection LIMIT 1
  ) after)
)
SELECT model, protection FROM kind
"""
# A page of words would keep the database busy for minutes.
MOST_WORDS = 8
TRIGRAM = 3


class Trigrams(Func):
    """Every three characters in a row of a text."""

    function = "enrollment_trigrams"
    output_field = ArrayField(TextField())


class PersonQuerySet(models.QuerySet["Person"]):
    def search(self, words: str) -> "PersonQuerySet":
        """Keep who matches every word, of the first eight, by name, employee number, department or position.

        The database keeps these four as one text, in upper case, and its trigrams, which an index stands on.
        """
        text = models.expressions.RawSQL("enrollment_person.searched", [], output_field=TextField())
        trigrams = models.expressions.RawSQL(
            "enrollment_person.searched_trigrams", [], output_field=ArrayField(TextField())
        )
        found = self.alias(text=text, trigrams=trigrams)
        for word in words.split()[:MOST_WORDS]:
            part = Upper(Value(word))
            if len(word) >= TRIGRAM:  # the index names the few who may match, the text says who does
                found = found.filter(trigrams__contains=Trigrams(part))
            found = found.filter(text__contains=part)
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

    def noted_before(self) -> "PersonQuerySet":
        """Keep those whose mail address or metadata are still kept plain."""
        return self.filter(~Q(plain_email="") | ~Q(plain_metadata={}))

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
        """The people that a search with this model can find, all or the given ones; a query of ids stays a query."""
        rows = self.filter(model=model, dimensions=dimensions)
        return rows if person_ids is None else rows.filter(person_id__in=person_ids)

    def kinds(self) -> list[tuple[str, str]]:
        """Return which models there are rows of, each with each fingerprint that some of them carry."""
        with connection.cursor() as cursor:
            cursor.execute(KINDS)
            return [(model, protection) for model, protection in cursor.fetchall()]

    def in_batches(self, size: int) -> Iterator[list["PersonTemplate"]]:
        """Yield all rows in the order in which they were made; the next are asked for once they are wanted."""
        last = 0
        while batch := list(self.filter(pk__gt=last).order_by("pk")[:size]):
            yield batch
            last = batch[-1].pk

    def nearest(
        self, vector: HalfVector, *, dimensions: int, count: int, exact: bool = True
    ) -> "PersonTemplateQuerySet":
        """Order by cosine distance to a protected vector, the nearest first.

        exact: compare with every row. Else by the index, which stands on the cast; see `searching`.
        """
        size = int(dimensions)
        left, right = ("vector", "halfvec") if exact else (f"(vector::halfvec({size}))", f"halfvec({size})")
        distance = models.expressions.RawSQL(  # nosec B611 # noqa: S611 - `size` is an int of ours, the vector a parameter
            f"{left} <=> %s::{right}", [vector.to_text()], output_field=models.FloatField()
        )
        return self.annotate(distance=distance).order_by("distance")[:count]


@contextmanager
def searching(*, width: int) -> Iterator[None]:
    """Set how the vector index is walked in the block's transaction: so many neighbors are kept in view on the way.

    It goes on until enough rows were found that the other conditions of the query keep, too.
    """
    walk = "SELECT set_config('hnsw.ef_search', %s, true), set_config('hnsw.iterative_scan', 'relaxed_order', true)"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(walk, [str(width)])
        yield


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

    def in_use(self) -> "CaptureQuerySet":
        """Keep those that templates in use were made of."""
        templates = FaceTemplateQuerySet(self.model._meta.get_field("templates").related_model)
        return self.filter(Exists(templates.active().filter(capture=OuterRef("pk"))))

    def held(self) -> "CaptureQuerySet":
        """Keep those whose file is still here; of others nothing is known that could be compared."""
        return self.exclude(storage_name="")

    def before(self, capture: "Capture") -> "CaptureQuerySet":
        """Keep what was received earlier."""
        return self.filter(received_at__lt=capture.received_at).exclude(pk=capture.pk)

    def marked_before(self) -> "CaptureQuerySet":
        """Keep those whose hashes are still kept plain."""
        return self.exclude(sha256="")

    def looking_like(
        self, hashes: Sequence[int], *, most_bits: int, least_share: float, newest: int, plain: bool = False
    ) -> list[uuid.UUID]:
        """Return the ids of those, among the newest so many, that resemble at least a share of the hashed pictures.

        hashes: as crypto.marks makes them, resembling when they differ in at most so many bits; with `plain`, those of
        vision.fingerprint, as they were kept before.
        """
        column = "perceptual_hashes" if plain else "looks_marks"
        rows, values = self.order_by("-received_at").values("id", column)[:newest].query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.id FROM (" + rows + ") c, unnest(c." + column + ") kept,"  # nosec B608 # noqa: S608 - Django's
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
