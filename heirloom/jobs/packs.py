"""Which pack answers when none is named: one row for the whole installation, read by every node at every call."""

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError, transaction

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.jobs.models import PackActivation
from heirloom.vision import catalog

WEIGHTS = UUID(int=6)
"""The subject of events about weights files."""


def active() -> str:
    """Return the active pack: the one activated last, or VISION_PACK where none ever was."""
    return activated() or settings.VISION_PACK


def active_or_configured() -> str:
    """Return the active pack, or VISION_PACK where no database answers: for commands that can do without one."""
    try:
        return active()
    except DatabaseError:
        return settings.VISION_PACK


def activated() -> str:
    """Return the pack that was activated last, "" where none ever was."""
    return PackActivation.objects.order_by("-pk").values_list("pack", flat=True).first() or ""


def latest() -> PackActivation | None:
    """Return the last activation, None where there never was one."""
    return PackActivation.objects.order_by("-pk").first()


def activation() -> int:
    """Return the number of the last activation, 0 where there never was one: another number, another active pack."""
    last = latest()
    return last.pk if last else 0


def set_active(*, pack: str, model: str, actor: User | None = None) -> PackActivation:
    """Make a pack the active one from the next call on, everywhere; recorded in the audit log.

    Whether it may be is for the caller to know: enrollment.services.packs looks at its files, terms and templates.
    """
    with transaction.atomic():
        made = PackActivation.objects.create(pack=pack, model=model, previous=active())
        audit.record(
            action=Action.PACK_ACTIVATED,
            subject_kind="pack_activation",
            subject_id=UUID(int=made.pk),
            actor=actor,
            details={"pack": pack, "model": model, "previous": made.previous},
        )
    return made


def note_pulled(names: Collection[str], actor: User | None = None) -> bool:
    """Record that weights files came onto this machine; False where no database answers: pulling needs none."""
    held = {name: sorted(catalog.held_to(catalog.entry(name), settings.MODELS_DIR)) for name in names}
    try:
        audit.record(
            action=Action.MODELS_PULLED,
            subject_kind="weights",
            subject_id=WEIGHTS,
            actor=actor,
            details={"files": held},
        )
    except OperationalError:
        return False
    return True
