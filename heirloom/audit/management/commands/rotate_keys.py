"""manage.py rotate_keys"""

from django.core.management.base import BaseCommand, CommandError

from heirloom.audit.models import Action
from heirloom.audit.services import begin_epoch, record
from heirloom.crypto import services as crypto
from heirloom.crypto.keys import ring
from heirloom.crypto.rotation import SEARCH_SUBJECT
from heirloom.errors import Refusal


class Command(BaseCommand):
    help = "Wrap every data key by the first key of the ring. Afterwards the other keys of the ring may be removed."

    def handle(self, *_args: object, **_options: object) -> None:
        try:
            count = crypto.rewrap()
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} {refusal.entry.remedy}") from refusal
        begin_epoch()
        if count:
            record(
                action=Action.KEYS_ROTATED,
                subject_kind="key_ring",
                subject_id=SEARCH_SUBJECT,
                details={"ring_key": ring().first.id, "data_keys": count},
            )
        self.stdout.write(f"{count} data keys were wrapped anew by the key {ring().first.id}.")
