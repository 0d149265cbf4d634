"""Logins: the people and programs that use Heirloom. Whoever is enrolled is a Person, and elsewhere."""

import uuid
from collections.abc import Collection
from copy import copy
from datetime import datetime

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models

from heirloom.accounts.announcing import announced
from heirloom.accounts.limits import GalleryLimit
from heirloom.decision.sight import Sight

ROLES = ("hr", "reviewer", "client", "auditor", "admin")
EVIDENCE = "evidence:read"
SCOPES = ("identify", EVIDENCE, "people:write")
# Who works here: they look at cases, which a client app does not.
STAFF = ("hr", "reviewer", "auditor", "admin")


class User(AbstractUser):
    """A login of a member of staff or of a client app. Its roles are Django groups."""

    must_change_password = models.BooleanField(default=False)
    # What a client app may do beyond verifying: names from SCOPES.
    scopes = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    # The recorded basis {policy_version, method} on which a client app enrolls without sending each consent.
    consent_basis = models.JSONField(null=True, blank=True)

    # The API key that a request came with, and whom that may find (None: everybody). Set by `through_key` alone.
    api_key_id: uuid.UUID | None = None
    gallery: GalleryLimit | None = None
    # When whoever holds the token of this request signed in for it; None where that is not known.
    signed_in_at: datetime | None = None

    def check_password(self, raw_password: str | None) -> bool:
        """Say whether this is the password; kept anew where a better way to keep it has come: the same one, no act."""

        def keep_anew(raw: str) -> None:
            self.set_password(raw)
            self._password = None
            with announced():
                self.save(update_fields=["password"])

        return check_password(raw_password, self.password, keep_anew)

    def has_role(self, *roles: str) -> bool:
        """Say whether this login has one of the roles; a superuser has every one."""
        return self.is_superuser or bool(self.roles & set(roles))

    def may(self, scope: str) -> bool:
        """Say whether a client app holds a scope; hr and admin need none."""
        return self.has_role("hr", "admin") or scope in self.scopes

    @property
    def sight(self) -> Sight:
        """How fine the numbers are that this login sees: as measured only where the scope was given by name.

        No role brings it along. A key that may find only some people never has it: such numbers would tell whether a
        picture is of an enrollment.
        """
        return Sight(is_fine=EVIDENCE in self.scopes and self.gallery is None, is_staff=self.has_role(*STAFF))

    @property
    def roles(self) -> set[str]:
        if not hasattr(self, "_roles"):
            self._roles = set(self.groups.values_list("name", flat=True))
        return self._roles

    def through_key(self, key_id: uuid.UUID, scopes: Collection[str], gallery: GalleryLimit | None) -> "User":
        """Return this login as one of its API keys lets it act, for one request; never saved.

        It is a client app and nothing else, with those of its own scopes that the key has as well.
        """
        narrowed = copy(self)
        narrowed.is_staff = narrowed.is_superuser = False
        narrowed._roles = {"client"}
        narrowed.scopes = [scope for scope in self.scopes if scope in scopes]
        narrowed.api_key_id, narrowed.gallery = key_id, gallery
        return narrowed

    def with_only(self, roles: Collection[str]) -> "User":
        """Return this login with those of its roles alone that are among these, for one request; never saved."""
        narrowed = copy(self)
        narrowed._roles = self.roles & set(roles)
        return narrowed


class OutsideLogin(models.Model):
    """That a login signs in at another issuer: who it is there. An e-mail address is not who somebody is."""

    user = models.OneToOneField(User, models.CASCADE, related_name="outside")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    # When the token was issued whose roles the login has, in seconds since 1970: an older one changes nothing.
    roles_as_of = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(name="accounts_outside_login", fields=("issuer", "subject")),)

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class TryCount(models.Model):
    """Failed tries under a mark (heirloom.accounts.marks) until its window ends; heirloom.accounts.gate writes them."""

    key = models.CharField(max_length=64, primary_key=True)
    tries = models.IntegerField()
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class KnownPlace(models.Model):
    """That a login signed in from an address, by the mark of both."""

    key = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class UnrecordedWrite(models.Model):
    """The database's own note that a login was written past the service, which records every change: by a statement
    typed by hand, or by code that forgot to. `heirloom.audit.logins` tells the audit log of each.
    """

    at = models.DateTimeField()
    table_name = models.TextField()
    operation = models.TextField()
    # Null for a write that concerns a role as a whole.
    login_id = models.BigIntegerField(null=True)
    columns = ArrayField(models.TextField(), default=list)
    database_role = models.TextField()

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name}"
