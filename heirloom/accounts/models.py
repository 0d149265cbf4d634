"""Logins: the people and programs that use Heirloom. Whoever is enrolled is a Person, and elsewhere."""

from django.contrib.auth.models import AbstractUser
from django.db import models

ROLES = ("hr", "reviewer", "client", "auditor", "admin")


class User(AbstractUser):
    """A login of a member of staff or of a client app. Its roles are Django groups."""

    must_change_password = models.BooleanField(default=False)

    def has_role(self, *roles: str) -> bool:
        """Say whether this login has one of the roles; a superuser has every one."""
        return self.is_superuser or bool(self.roles & set(roles))

    @property
    def roles(self) -> set[str]:
        if not hasattr(self, "_roles"):
            self._roles = set(self.groups.values_list("name", flat=True))
        return self._roles
