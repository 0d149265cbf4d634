"""Opening sign-ins that are locked before their time is over."""

from collections.abc import Iterable

from axes.models import AccessAttempt
from django.db import transaction

from heirloom.accounts import recording
from heirloom.accounts.models import User


@transaction.atomic
def forget(attempts: Iterable[AccessAttempt], *, actor: User) -> None:
    """Forget counted failures, which opens the lock that they closed; each is recorded, never the name that was tried.

    Of a name that no login has, the record tells of nobody.
    """
    for attempt in attempts:
        count, user = attempt.failures_since_start, User.objects.filter(username=attempt.username).first()
        attempt.delete()
        recording.tell(code="sign_in.unlocked", user=user, actor=actor, via="", details={"failures": count})
