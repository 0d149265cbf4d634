"""Changing the active pack, so that nobody who is enrolled can no longer be compared with."""

from django.conf import settings
from django.db import transaction

from enrollment.models import Person
from enrollment.services.duplicates import hold_gallery
from heirloom.accounts.models import User
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.jobs.models import PackActivation
from heirloom.vision.packs.registry import Registry
from heirloom.vision.runtime import Runtime


def registry() -> Registry:
    """Return the packs of this machine, on the CPU; nothing is loaded yet."""
    acknowledged = settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED
    return Registry(settings.MODELS_DIR, Runtime(), packs.active_or_configured(), acknowledged=acknowledged)


def activate(*, pack: str, registry: Registry, leave_out: bool = False, actor: User | None = None) -> PackActivation:
    """Make a pack the active one, once it was loaded here and everybody enrolled has templates of its recogniser.

    leave_out: also if some have none; they are not found until they are enrolled anew, and until then the duplicate
    check of newcomers is incomplete and goes to a reviewer.
    Raises Refusal "model_not_available", "weights_missing", "weights_altered", "weights_unfit",
    "licence_not_acknowledged" or "people_not_reembedded".
    """
    info = registry.require(pack)
    registry.pack(info.name).load()
    with transaction.atomic():
        hold_gallery()
        without = Person.objects.enrolled_without(info.model).count()
        if without and not leave_out:
            raise Refusal("people_not_reembedded", f"{without} people are enrolled without templates of {info.model}.")
        return packs.set_active(pack=info.name, model=info.model, actor=actor)
