"""What has to be true before anything is served: migrations, roles, and on a new machine an admin and weights."""

import json
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser

from enrollment.models import Person
from enrollment.services import policies
from enrollment.services.packs import activate, registry
from heirloom import env
from heirloom.accounts.services import ensure_first_admin, ensure_roles
from heirloom.audit import configuration
from heirloom.audit import roles as audit_roles
from heirloom.audit import services as audit
from heirloom.crypto.keys import ring
from heirloom.decision.recommended import recommended
from heirloom.embedded import weights
from heirloom.errors import Refusal
from heirloom.jobs import packs
from heirloom.vision import catalog


class Command(BaseCommand):
    help = "Migrate and make the roles; with --new-machine also the first admin and one attempt to pull weights."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-machine", action="store_true", help="for `make run`; prints one line of JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        call_command("migrate", interactive=False, verbosity=1, stdout=self.stderr)
        ensure_roles()
        ring()  # makes the embedded ring, or refuses to go on without the one that stored data needs
        audit.begin_epoch()  # the first key vouches for the log: also for one that is older than keyed events
        configuration.note_changes()
        policies.note_changes()
        if settings.DATABASE_APP_ROLE:
            audit_roles.grant(settings.DATABASE_APP_ROLE)
        if options["new_machine"]:
            self.stdout.write(json.dumps(_new_machine()))


def _new_machine() -> dict[str, str | None]:
    """Return the first admin's password, if one was made just now, and what became of the recommended weights."""
    attempt = weights.pull_once(settings.VAR_DIR, settings.MODELS_DIR)
    if attempt is not None and attempt.pulled:
        packs.note_pulled(attempt.pulled)
    return {
        "password": ensure_first_admin() if settings.EMBEDDED else None,
        "weights": None if attempt is None else _outcome(attempt),
        "attack_weights": _attack_weights(),
    }


def _outcome(attempt: weights.Attempt) -> str:
    if not attempt.pulled:
        return f"the recommended ones could not be pulled, so {packs.active()} is used ({attempt.why_not})"
    missed = f"; the rest could not be ({attempt.why_not})" if attempt.why_not else ""
    return f"pulled {', '.join(attempt.pulled)}{missed}; {_switched()}"


def _switched() -> str:
    """Take the best pack of those that may be used here, where nobody chose another and nobody is enrolled."""
    here = registry()
    best = recommended(here.infos(), settings.POLICY_DIR)
    why_not = "" if best else "no pack here was measured within groups of people"
    if best and best[0].name == packs.active():
        why_not = "the best of those that may be used here"
    elif env.text("VISION_PACK") or packs.activated():
        why_not = "another was chosen"
    elif Person.objects.enrolled().exists():
        why_not = "people are enrolled already, and templates of two models are never compared"
    if why_not or best is None:
        return f"{packs.active()} is used ({why_not})"
    try:
        return f"{activate(pack=best[0].name, registry=here).pack} is used from now on"
    except Refusal as refusal:
        return f"{packs.active()} is used ({refusal.detail})"


def _attack_weights() -> str:
    present = all(catalog.usable(name, settings.MODELS_DIR) for name in weights.ATTACK_WEIGHTS)
    return "installed" if present else "not installed"
