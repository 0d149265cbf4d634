"""Logins: the people and programs that use Heirloom. Whoever is enrolled is a Person, and elsewhere."""

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

ROLES = ("hr", "reviewer", "client", "auditor", "admin")
SCOPES = ("identify", "evidence:read", "people:write")


class User(AbstractUser):
    """A login of a member of staff or of a client app. Its roles are Django groups."""

    must_change_password = models.BooleanField(default=False)
    # What a client app may do beyond verifying: names from SCOPES.
    scopes = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    # The recorded basis {policy_version, method} on which a client app enrolls without sending each consent.
    consent_basis = models.JSONField(null=True, blank=True)

    def has_role(self, *roles: str) -> bool:
        """Say whether this login has one of the roles; a superuser has every one."""
        return self.is_superuser or bool(self.roles & set(roles))

    def may(self, scope: str) -> bool:
        """Say whether a client app holds a scope; hr and admin need none."""
        return self.has_role("hr", "admin") or scope in self.scopes

    @property
    def roles(self) -> set[str]:
        if not hasattr(self, "_roles"):
            self._roles = set(self.groups.values_list("name", flat=True))
        return self._roles
