"""Changing the model without downtime: templates of another pack, made beside the present ones from the same captures.

The rows are the only state. What has no template of the new model yet is still to do, so a run that was cut off goes on
where it stopped, and people who are enrolled meanwhile are found by the next run.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from enrollment.models import Capture, FaceTemplate, Person, PersonTemplate
from enrollment.services import duplicates, templates
from enrollment.services.enrollments import examine_capture
from enrollment.services.findings import Verdict, of_one_person
from enrollment.services.policies import policy_of
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.vision.gates import VERIFY
from heirloom.vision.types import PackInfo, Vision

BATCH = 100
"""People whose ids are read at a time."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of one person. templates: how many were made. left: captures that gave none, each with reasons."""

    person_id: uuid.UUID
    templates: int
    left: dict[uuid.UUID, tuple[str, ...]] = field(default_factory=dict)


def still_to_do(model: str) -> int:
    """Return how many people have captures that templates of this model can still be made from."""
    return Person.objects.with_captures_lacking(model).count()


def build(*, pack: PackInfo, vision: Vision) -> Iterator[Made]:
    """Make the pack's templates for everybody who lacks some, one person at a time; each is kept or not made at all.

    Whoever cannot be done is told of and passed over; the next run tries again.
    Raises Refusal when the vision process or the storage does not answer.
    """
    last = uuid.UUID(int=0)
    while batch := _people_after(last, pack.model):
        for person in batch:
            yield _build(person, pack, vision)
        last = batch[-1].id


def drop(*, model: str, leave_out: bool = False, actor: User | None = None) -> int:
    """Delete all templates of a model that is no longer used; return how many.

    Raises Refusal "model_in_use" for the active pack's, or where people have no others, unless those are left out.
    """
    with transaction.atomic():
        duplicates.hold_gallery()
        activation = packs.latest()
        if activation is None or activation.model == model:
            raise Refusal("model_in_use", f"{model} is what the active pack compares with.")
        only = Person.objects.enrolled_without(activation.model).filter(person_templates__model=model).count()
        if only and not leave_out:
            raise Refusal("model_in_use", f"{only} people have no other templates.")
        # In the order of whoever withdraws or erases meanwhile, so that neither waits for the other.
        count, _ = FaceTemplate.objects.filter(model=model).delete()
        PersonTemplate.objects.filter(model=model).delete()
        audit.record(
            action=Action.TEMPLATE_RETIRED,
            subject_kind="pack_activation",
            subject_id=uuid.UUID(int=activation.pk),
            actor=actor,
            details={"model": model, "templates": count},
        )
    return count


def _people_after(last: uuid.UUID, model: str) -> list[Person]:
    return list(Person.objects.with_captures_lacking(model).filter(pk__gt=last).order_by("pk")[:BATCH])


def _build(person: Person, pack: PackInfo, vision: Vision) -> Made:
    """Compute first, then lock, look whether all still holds, and write."""
    captures = list(person.captures.lacking(pack.model))
    found = {capture.id: _examined(capture, vision, pack.name) for capture in captures}
    with transaction.atomic():
        held = Person.objects.select_for_update(no_key=True).filter(pk=person.pk).first()
        consent = held.consents.active().first() if held else None
        if held is None or consent is None:
            return Made(person.id, 0)
        lacking = {capture.id: capture for capture in held.captures.lacking(pack.model) if capture.id in found}
        judged = _of_one_person(held, [(one, v) for one in lacking for v in found[one]], pack.model)
        new = [
            templates.NewTemplate(lacking[one], verdict.template, verdict.quality or 0.0, verdict.at_s)
            for one, verdict in judged
            if verdict.template is not None
        ]
        templates.add(person=held, consent=consent, new=new)
    return Made(person.id, len(new), _left(judged))


def _examined(capture: Capture, vision: Vision, pack: str) -> Sequence[Verdict]:
    """What was accepted at its enrollment is not refused by a gate that came later."""
    if not capture.storage_name:
        return (_FILE_GONE,)
    return examine_capture(capture, vision=vision, pack=pack, gate=VERIFY)


def _of_one_person(
    person: Person, verdicts: Sequence[tuple[uuid.UUID, Verdict]], model: str
) -> list[tuple[uuid.UUID, Verdict]]:
    known = templates.reference(person=person, model=model)
    checked = of_one_person([verdict for _, verdict in verdicts], policy=policy_of(model), reference=known)
    return [(one, verdict) for (one, _), verdict in zip(verdicts, checked, strict=True)]


def _left(judged: Sequence[tuple[uuid.UUID, Verdict]]) -> dict[uuid.UUID, tuple[str, ...]]:
    done = {one for one, verdict in judged if verdict.template is not None}
    return {one: verdict.reasons for one, verdict in judged if one not in done}


_FILE_GONE = Verdict(accepted=False, reasons=("not_found",))
