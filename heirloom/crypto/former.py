"""Whether seals of before are still opened: those of version 1, which are bound to a subject and a purpose alone.

They are, from the upgrade of an installation that had some until `renewal` has made the last of them anew. The permit
is a row with a keyed mark: whoever writes to the database can take it away, but make none. It opens nothing once its
key has left the ring.
"""

import hashlib
import hmac

from django.db import transaction

from heirloom.crypto.keys import RingKey, ring
from heirloom.crypto.models import FormerSeals
from heirloom.errors import Refusal

_ONLY = 1


def are_opened() -> bool:
    """Return whether the permit stands and is ours; costs one query."""
    row = FormerSeals.objects.filter(pk=_ONLY).first()
    if row is None:
        return False
    try:
        key = ring().get(row.ring_key)
    except Refusal:
        return False
    return hmac.compare_digest(bytes(row.mark), mark(key))


def mark(key: RingKey) -> bytes:
    """Return what only a holder of the key can make."""
    return hmac.digest(key.secret, b"heirloom: seals of version 1 are opened", hashlib.sha256)


@transaction.atomic
def permit() -> None:
    """Have seals of before opened, by the first key of the ring: when an installation that has some is upgraded."""
    key = ring().first
    FormerSeals.objects.update_or_create(pk=_ONLY, defaults={"ring_key": key.id, "mark": mark(key)})


@transaction.atomic
def keep_through_rotation() -> None:
    """Mark a permit that stands by the first key of the ring, so that the others can be removed."""
    if are_opened():
        permit()


@transaction.atomic
def forbid() -> None:
    """Have no seal of before opened any more."""
    FormerSeals.objects.all().delete()
