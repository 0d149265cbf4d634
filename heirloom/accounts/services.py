"""The only writers of logins and roles. Each act is recorded with what was before and after, in its transaction."""

import hashlib
import secrets
from collections.abc import Collection

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from heirloom.accounts import recording
from heirloom.accounts.models import ROLES, OutsideLogin, User
from heirloom.accounts.recording import recorded
from heirloom.locks import hold

__all__ = [
    "create_login", "create_outside_login", "ensure_first_admin", "ensure_roles", "match_rights_to_roles",
    "only_owner_knows_password", "recorded", "save_login", "set_roles",
]  # fmt: skip

# What a role may see and do in Django admin; everything else is decided by role where it happens.
ADMIN_PERMISSIONS = {
    "reviewer": ("reviews.view_review", "reviews.change_review", "verification.view_verification", "trust.view_report"),
    "auditor": ("audit.view_auditevent", "trust.view_report"),
}
ADMIN_ROLES = {"reviewer", "auditor", "admin"}


def ensure_roles() -> None:
    """Make the five roles with their admin permissions; running it again changes nothing."""
    with recording.permissions_recorded(via="prepare"):
        for name in ROLES:
            group, _ = Group.objects.get_or_create(name=name)
            wanted = [p.split(".") for p in ADMIN_PERMISSIONS.get(name, ())]
            group.permissions.set(
                Permission.objects.get(content_type__app_label=app, codename=codename) for app, codename in wanted
            )


def ensure_first_admin(username: str = "admin") -> str | None:
    """Make the first admin of a new installation and return its password; None if any superuser exists."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    with recording.made(actor=None, via="prepare") as new:
        user = User.objects.create_superuser(username, password=password, must_change_password=True)
        user.groups.set(Group.objects.filter(name="admin"))
        new.append(user)
    return password


@transaction.atomic
def create_login(
    *,
    username: str,
    password: str,
    roles: tuple[str, ...],
    email: str = "",
    scopes: tuple[str, ...] = (),
    password_was_seen: bool = False,
    actor: User | None = None,
    via: str = "",
) -> User:
    """Make a login with the given roles; reviewers, auditors and admins may open Django admin.

    Whoever gets a password that somebody else saw must change it first. A client app cannot, and keeps it.
    Raises ValueError for a name that is taken.
    """
    hold([f"login: {username}"])
    if User.objects.filter(username=username).exists():
        raise ValueError("there is a login of this name already")
    must_change = password_was_seen and set(roles) != {"client"}
    with recording.made(actor=actor, via=via) as new:
        user = User.objects.create_user(
            username, email, password, scopes=list(scopes), must_change_password=must_change
        )
        _give_roles(user, roles)
        new.append(user)
    return user


def save_login(*, user: User, actor: User, roles: Collection[str] | None = None) -> None:
    """Write a login as a form has filled it in, with these roles where any are named; a new one is made."""
    if user._state.adding:
        with recording.made(actor=actor) as new:
            _write(user, roles)
            new.append(user)
    else:
        with recorded(user=user, actor=actor):
            _write(user, roles)


def create_outside_login(*, issuer: str, subject: str, email: str = "") -> OutsideLogin:
    """Make the login of somebody who signs in at another issuer: without a password, and without a role yet.

    Raises IntegrityError where there is one already.
    """
    known_as = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:20]
    with recording.made(actor=None, details={"issuer": issuer}) as new:
        user = User.objects.create_user(f"outside-{known_as}", email, None)
        made = OutsideLogin.objects.create(user=user, issuer=issuer, subject=subject)
        new.append(user)
    return made


def set_roles(
    *,
    user: User,
    roles: Collection[str],
    scopes: Collection[str] | None = None,
    as_of: int | None = None,
    via: str = "",
) -> None:
    """Give a login of another issuer these roles and no others. as_of: when the token was issued that says so."""
    with recorded(user=user, actor=None, via=via):
        user.groups.set(Group.objects.filter(name__in=roles))
        if scopes is not None:
            user.scopes = sorted(scopes)
            user.save(update_fields=["scopes"])
        if as_of is not None:
            OutsideLogin.objects.filter(user=user).update(roles_as_of=as_of)


def only_owner_knows_password(*, user: User) -> None:
    """Note that a login has a password now that only its owner knows; within the `recorded` that gave it one."""
    user.must_change_password = False
    user.save(update_fields=["must_change_password"])


def match_rights_to_roles(*, user: User, actor: User | None = None) -> None:
    """Let who may open Django admin, and who may do everything, follow from the roles of a login."""
    with recorded(user=user, actor=actor):
        _match_rights(user)


def _write(user: User, roles: Collection[str] | None) -> None:
    user.save()
    if roles is not None:
        _give_roles(user, roles)


def _give_roles(user: User, roles: Collection[str]) -> None:
    user.groups.set(Group.objects.filter(name__in=roles))
    _match_rights(user)


def _match_rights(user: User) -> None:
    """Whoever signs in at another issuer has its roles in the API alone: Django admin is not opened by tokens."""
    outside = OutsideLogin.objects.filter(user=user).exists()
    roles = set() if outside else set(user.groups.values_list("name", flat=True))
    user.is_staff, user.is_superuser = bool(ADMIN_ROLES & roles), "admin" in roles
    user.save(update_fields=["is_staff", "is_superuser"])
