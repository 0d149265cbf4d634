"""What is one's own: sessions, tokens and second factors, and their end."""

from django.db import transaction

from heirloom.accounts.models import User
from heirloom.api import families
from heirloom.factors import services as factors
from heirloom.factors import sessions


@transaction.atomic
def end_everything(*, user: User, actor: User | None, but: str | None = None) -> int:
    """End the sessions of a login, but the one with this key, and all tokens of its sign-ins; say how many."""
    return sessions.end_all(user=user, actor=actor, but=but) + families.end_all(user=user)


@transaction.atomic
def reset_second_factors(*, user: User, actor: User | None) -> int:
    """Take the second factors from somebody who lost them, and end whatever is open in that name; say how many."""
    count = factors.reset(user=user, actor=actor)
    end_everything(user=user, actor=actor)
    return count
