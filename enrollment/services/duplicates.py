"""Whether a face already belongs to somebody else."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from enrollment.models import Person
from enrollment.services import gallery
from enrollment.services.policies import policy_of
from heirloom.decision.identification import duplicate_of
from heirloom.decision.verification import Rules
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.vision.types import Template

NEAREST_LOOKED_AT = 5
LEAST_TARGET_FPIR = 0.01
"""A newcomer who is taken for another costs a look; somebody enrolled twice is two identities. So this share of
newcomers may be looked at in vain, however strict searches are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """reasons: codes of why a human must look; empty when nobody else has this face. person_id: who it may be."""

    reasons: tuple[str, ...] = ()
    person_id: uuid.UUID | None = None
    similarity: float | None = None


def hold_gallery(activation: int | None = None) -> None:
    """Let one transaction at a time look and enroll, so that the same face cannot slip in twice at once.

    Locks are taken in one order everywhere: the job, the gallery, the person, the audit log.
    activation: what jobs.packs.activation was before the templates to be added were made. Raises Refusal
    "model_changed" if it is another now: they would be of a model that nobody searches with any more.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('heirloom.gallery'))")
    if activation is not None and packs.activation() != activation:
        raise Refusal("model_changed", retry_after=1)


def look(*, probe: Template, pictures: int, but: Collection[uuid.UUID]) -> Finding:
    """Search everybody but the given people for the face that `pictures` pictures were averaged to."""
    hold_gallery()
    others = gallery.search_others(probe=probe, count=NEAREST_LOOKED_AT, than=but)
    candidates = [hit.as_candidate() for hit in others.hits]
    rules = Rules(target_fpir=max(settings.IDENTIFICATION_TARGET_FPIR, LEAST_TARGET_FPIR))
    found = duplicate_of(candidates, others.gallery_size, pictures, policy_of(probe.model), rules)
    if found.reasons:
        nearest = found.candidates[0]
        return Finding(found.reasons, uuid.UUID(nearest.person_id), nearest.similarity)
    unseen = Person.objects.enrolled_without(probe.model).exclude(pk__in=but)
    return Finding(("duplicate_check_incomplete",)) if unseen.exists() else Finding()
