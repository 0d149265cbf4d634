"""The only writers of logins and roles."""

import secrets

from django.contrib.auth.models import Group, Permission
from django.db import transaction

from heirloom.accounts.models import ROLES, User

# What a role may see and do in Django admin; everything else is decided by role where it happens.
ADMIN_PERMISSIONS = {
    "reviewer": ("reviews.view_review", "reviews.change_review", "verification.view_verification"),
    "auditor": ("audit.view_auditevent",),
}
ADMIN_ROLES = {"reviewer", "auditor", "admin"}


@transaction.atomic
def ensure_roles() -> None:
    """Make the five roles with their admin permissions; running it again changes nothing."""
    for name in ROLES:
        group, _ = Group.objects.get_or_create(name=name)
        wanted = [p.split(".") for p in ADMIN_PERMISSIONS.get(name, ())]
        group.permissions.set(
            Permission.objects.get(content_type__app_label=app, codename=codename) for app, codename in wanted
        )


@transaction.atomic
def ensure_first_admin(username: str = "admin") -> str | None:
    """Make the first admin of a new installation and return its password; None if any superuser exists."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(username, password=password, must_change_password=True)
    user.groups.set(Group.objects.filter(name="admin"))
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
) -> User:
    """Make a login with the given roles; reviewers, auditors and admins may open Django admin.

    Whoever gets a password that somebody else saw must change it first. A client app cannot, and keeps it.
    """
    must_change = password_was_seen and set(roles) != {"client"}
    user = User.objects.create_user(username, email, password, scopes=list(scopes), must_change_password=must_change)
    user.groups.set(Group.objects.filter(name__in=roles))
    match_rights_to_roles(user=user)
    return user


def password_changed(*, user: User) -> None:
    """Note that a login has a password now that only its owner knows."""
    user.must_change_password = False
    user.save(update_fields=["must_change_password"])


@transaction.atomic
def match_rights_to_roles(*, user: User) -> None:
    """Let who may open Django admin, and who may do everything, follow from the roles of a login."""
    roles = set(user.groups.values_list("name", flat=True))
    user.is_staff, user.is_superuser = bool(ADMIN_ROLES & roles), "admin" in roles
    user.save(update_fields=["is_staff", "is_superuser"])
