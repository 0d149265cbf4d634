"""Links to evidence frames: each shows one frame to one caller for a minute, who is authenticated again."""

import uuid

from django.core import signing
from django.urls import reverse

from heirloom.accounts.models import User
from heirloom.errors import Refusal

QUERY = "token"
GOOD_FOR_S = 60
SALT = "verification.frame"


def link(verification_id: uuid.UUID, number: int, holder: User) -> str:
    """Return the address of a frame, for this caller and for GOOD_FOR_S from now."""
    token = signing.dumps(_bound_to(verification_id, number, holder), salt=SALT)
    return f"{reverse('verification-frame', args=[verification_id, number])}?{QUERY}={token}"


def require(token: str, verification_id: uuid.UUID, number: int, caller: User) -> None:
    """Go on only with a link that this caller was given for this frame, not long ago.

    Raises Refusal "link_expired".
    """
    try:
        given = signing.loads(token, salt=SALT, max_age=GOOD_FOR_S)
    except signing.BadSignature:
        given = None
    if given != _bound_to(verification_id, number, caller):
        raise Refusal("link_expired", attr=QUERY)


def _bound_to(verification_id: uuid.UUID, number: int, holder: User) -> list[str | int]:
    """An API key and its owner's password are different callers."""
    return [str(verification_id), number, holder.pk, str(holder.api_key_id or "")]
