"""What a login was before and after a change, told once to the recorder that settings name (LOGIN_RECORDER).

Names and addresses are told as Hidden, of which the recorder keeps a keyed code; a password is never told, only that it
changed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.module_loading import import_string

from heirloom.accounts.announcing import announced
from heirloom.accounts.models import User

State = Mapping[str, object]
# Which event a change is told as, by the gravest thing that changed.
_RIGHTS = ("roles", "permissions", "is_staff", "is_superuser")


class Hidden(str):
    """A text that must not stand in a record."""

    __slots__ = ()


@contextmanager
def recorded(*, user: User, actor: User | None, via: str = "", lock: bool = True) -> Iterator[None]:
    """Run a change of a login in one transaction and record once what it changed; nothing where it changed nothing.

    via: by which command or door, where there is no actor. lock: not for what waits for a human meanwhile.
    """
    with announced():
        before = _state(_held(user.pk, lock=lock))
        yield
        after = _state(User.objects.get(pk=user.pk))
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        if changed:
            shown = [name for name in changed if name != "password"]
            details = {
                "before": {name: before[name] for name in shown},
                "after": {name: after[name] for name in shown},
            }
            tell(code=_code(changed, after, is_own=actor == user), user=user, actor=actor, via=via, details=details)


@contextmanager
def made(*, actor: User | None, via: str = "", details: Mapping[str, object] | None = None) -> Iterator[list[User]]:
    """Run what makes one login, which the block puts into the list, and record what it is."""
    with announced():
        new: list[User] = []
        yield new
        for user in new:
            state = {name: value for name, value in _state(User.objects.get(pk=user.pk)).items() if name != "password"}
            tell(code="login.created", user=user, actor=actor, via=via, details={"after": state, **(details or {})})


@contextmanager
def permissions_recorded(*, via: str = "") -> Iterator[None]:
    """Run a change of what roles may do in Django admin and record it, unless there were no roles before."""
    with announced():
        before = _permissions()
        yield
        after = _permissions()
        if before and before != after:
            changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            details = {
                "before": {name: before.get(name) for name in changed},
                "after": {name: after.get(name) for name in changed},
            }
            tell(code="role.permissions_changed", user=None, actor=None, via=via, details=details)


def tell(*, code: str, user: User | None, actor: User | None, via: str, details: Mapping[str, object]) -> None:
    """Have the recorder write down an act on a login, in the caller's transaction. code: one of audit's actions."""
    record: Callable[..., None] = import_string(settings.LOGIN_RECORDER)
    record(code=code, user=user, actor=actor, details={**details, **({"via": via} if via else {})})


def _held(pk: int, *, lock: bool) -> User:
    rows = User.objects.select_for_update(no_key=True) if lock else User.objects
    return rows.get(pk=pk)


def _state(user: User) -> dict[str, Any]:
    basis = user.consent_basis or {}
    return {
        "username": Hidden(user.username),
        "email": Hidden(user.email),
        "password": user.password,
        "must_change_password": user.must_change_password,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": sorted(user.user_permissions.values_list("codename", flat=True)),
        "scopes": sorted(user.scopes),
        "consent_basis": {str(name): Hidden(str(value)) for name, value in sorted(basis.items())} or None,
    }


def _permissions() -> dict[str, list[str]]:
    groups = Group.objects.prefetch_related("permissions").order_by("name")
    return {group.name: sorted(one.codename for one in group.permissions.all()) for group in groups}


def _code(changed: list[str], after: State, *, is_own: bool) -> str:
    if set(changed) & set(_RIGHTS):
        return "login.roles_changed"
    if "is_active" in changed:
        return "login.enabled" if after["is_active"] else "login.disabled"
    if "password" in changed:
        return "login.password_changed" if is_own else "login.password_set"
    return "login.changed"
