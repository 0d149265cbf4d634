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
    User.objects.create_superuser(username, password=password, must_change_password=True)
    return password


@transaction.atomic
def create_login(*, username: str, password: str, roles: tuple[str, ...], email: str = "") -> User:
    """Make a login with the given roles; reviewers, auditors and admins may open Django admin."""
    staff = bool({"reviewer", "auditor", "admin"} & set(roles))
    user = User.objects.create_user(username, email, password, is_staff=staff, is_superuser="admin" in roles)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user
