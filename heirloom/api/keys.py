"""The only writers of API keys, and whom a key that was sent speaks for."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import User
from heirloom.api.models import ApiKey
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.errors import Refusal

MOST_LIVE = 50
"""Live keys of one client app: each may ask as often as a caller may, all together as THROTTLE_OWNER says."""
OVERLAP = timedelta(days=1)
LONGEST_OVERLAP = timedelta(days=30)
USE_NOTED_EVERY = timedelta(minutes=1)
PREFIX_LENGTH = 12
_FORM = re.compile(rf"hl_([a-z0-9]{{{PREFIX_LENGTH}}})_([A-Za-z0-9_-]{{43}})")
_NO_SHA256 = "0" * 64


@dataclass(frozen=True, slots=True)
class Issued:
    """A key, and what its app must send: hl_<prefix>_<secret>, told this once."""

    key: ApiKey
    secret: str


class KeyRefusedError(Exception):
    """A key that was sent opens nothing. The reason is for the audit log alone; key: whose prefix it had, if any."""

    def __init__(self, reason: str, key: ApiKey | None = None) -> None:
        self.reason = reason
        self.key_id = key.id if key else UUID(int=0)
        super().__init__(reason)


@transaction.atomic
def create(
    *,
    owner: User,
    name: str,
    actor: User,
    scopes: Collection[str] = (),
    expires_at: datetime | None = None,
    gallery: GalleryLimit | None = None,
) -> Issued:
    """Make a key of a client app.

    Raises Refusal "validation_error" for an owner that is no client app, for scopes that it does not hold, for a time
    that is past and for a limited gallery with `people:write`; and "too_many_api_keys".
    """
    owner = User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if not (owner.is_active and "client" in owner.roles):
        raise Refusal("validation_error", "This login is not a client app.", attr="owner")
    if ApiKey.objects.live_at(timezone.now()).filter(owner=owner).count() >= MOST_LIVE:
        raise Refusal("too_many_api_keys")
    key = ApiKey(owner=owner, name=name, prefix=_prefix())
    _set(key, {"scopes": scopes, "expires_at": expires_at, "gallery": gallery})
    secret = _renew(key)
    key.save(force_insert=True)
    limited = gallery is not None
    _audit(Action.API_KEY_CREATED, key, actor, owner=owner.pk, scopes=key.scopes, limited=limited, after=_state(key))
    return Issued(key, secret)


@transaction.atomic
def update(*, key: ApiKey, actor: User, **changes: Any) -> ApiKey:
    """Change name, scopes, expires_at or gallery; raises as `create` does, and Refusal "api_key_revoked"."""
    key = _held(key)
    before = _state(key)
    _set(key, changes)
    key.save(update_fields=["name", "scopes", "expires_at", "person_ids", "departments"])
    changed = {name: value for name, value in _state(key).items() if before[name] != value}
    _audit(
        Action.API_KEY_UPDATED,
        key,
        actor,
        fields=sorted(changes),
        scopes=key.scopes,
        before={name: before[name] for name in changed},
        after=changed,
    )
    return key


@transaction.atomic
def rotate(*, key: ApiKey, actor: User, overlap: timedelta = OVERLAP) -> Issued:
    """Give the key a new secret; the present one stays good for the overlap, an earlier one ends now.

    Raises Refusal "api_key_revoked".
    """
    key = _held(key)
    key.former_sha256, key.former_until = key.secret_sha256, timezone.now() + overlap
    secret = _renew(key)
    key.save(update_fields=["secret_sha256", "former_sha256", "former_until"])
    _audit(Action.API_KEY_ROTATED, key, actor, former_until=key.former_until)
    return Issued(key, secret)


@transaction.atomic
def revoke(*, key: ApiKey, actor: User) -> ApiKey:
    """End a key with all its secrets, now and for good; revoking it again changes nothing."""
    key = ApiKey.objects.select_for_update(of=("self",)).select_related("owner").get(pk=key.pk)
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        _audit(Action.API_KEY_REVOKED, key, actor)
    return key


def holder(sent: str) -> User:
    """Return the login that a key speaks for, narrowed to what the key may do, and note that it was used.

    Raises KeyRefusedError.
    """
    parts = _FORM.fullmatch(sent)
    if parts is None:
        raise KeyRefusedError("malformed")
    key = ApiKey.objects.select_related("owner").filter(prefix=parts[1]).first()
    now, sha256 = timezone.now(), _sha256(parts[2])
    # As long for an unknown prefix as for a wrong secret; only whoever has the secret comes to the questions after it.
    opens = _opens(key or ApiKey(secret_sha256=_NO_SHA256), sha256, now)
    if key is None or not opens:
        raise KeyRefusedError("wrong" if key else "unknown", key)
    _refuse_ended(key, now)
    _note_use(key, now)
    return key.owner.through_key(key.id, key.scopes, key.gallery)


def note_refused(refused: KeyRefusedError) -> None:
    """Write into the audit log that a key was refused, and why."""
    audit.record(
        action=Action.API_KEY_REFUSED,
        subject_kind="api_key",
        subject_id=refused.key_id,
        details={"reason": refused.reason},
    )


def _opens(key: ApiKey, sha256: str, now: datetime) -> bool:
    present = hmac.compare_digest(key.secret_sha256, sha256)
    former = hmac.compare_digest(key.former_sha256 or _NO_SHA256, sha256)
    return present or (former and key.former_until is not None and now < key.former_until)


def _refuse_ended(key: ApiKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise KeyRefusedError("revoked", key)
    if key.expires_at is not None and key.expires_at <= now:
        raise KeyRefusedError("expired", key)
    if not key.owner.is_active:
        raise KeyRefusedError("owner_disabled", key)
    if "client" not in key.owner.roles:
        raise KeyRefusedError("owner_no_client", key)


def _note_use(key: ApiKey, now: datetime) -> None:
    """At most once a minute, and by whoever comes first: a busy key is not a row that all requests write."""
    if key.last_used_at is None or key.last_used_at <= now - USE_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk, last_used_at=key.last_used_at).update(last_used_at=now)


def _held(key: ApiKey) -> ApiKey:
    held = ApiKey.objects.select_for_update(of=("self",)).select_related("owner").get(pk=key.pk)
    if held.revoked_at is not None:
        raise Refusal("api_key_revoked")
    return held


def _set(key: ApiKey, changes: dict[str, Any]) -> None:
    if unknown := changes.keys() - {"name", "scopes", "expires_at", "gallery"}:
        raise TypeError(f"not to be changed of a key: {', '.join(sorted(unknown))}")
    key.name = changes.get("name", key.name)
    key.scopes = sorted(set(changes.get("scopes", key.scopes)))
    key.expires_at = changes.get("expires_at", key.expires_at)
    if "gallery" in changes:
        gallery = changes["gallery"] or GalleryLimit()
        key.person_ids, key.departments = sorted(gallery.person_ids), sorted(gallery.departments)
    # A scope that the owner lost stays named by the key, and does nothing: only what is asked for now is checked.
    if missing := set(changes.get("scopes", ())) - set(key.owner.scopes):
        raise Refusal("validation_error", f"The owner does not hold: {', '.join(sorted(missing))}.", attr="scopes")
    if changes.get("expires_at") is not None and changes["expires_at"] <= timezone.now():
        raise Refusal("validation_error", "This time is past; a key is ended by revoking it.", attr="expires_at")
    if key.gallery is not None and "people:write" in key.scopes:
        words = "A key with people:write cannot be limited: a new face is compared with everybody's."
        raise Refusal("validation_error", words, attr="gallery")


def _state(key: ApiKey) -> dict[str, object]:
    """Return what the audit log is told of a key: of its name and of departments, which people wrote, a keyed code."""
    return {
        "name": audit.fingerprint(key.name),
        "scopes": key.scopes,
        "expires_at": key.expires_at and key.expires_at.isoformat(),
        "person_ids": [str(one) for one in key.person_ids],
        "departments": [audit.fingerprint(one) for one in key.departments],
    }


def _renew(key: ApiKey) -> str:
    secret = secrets.token_urlsafe(32)
    key.secret_sha256 = _sha256(secret)
    return f"hl_{key.prefix}_{secret}"


def _prefix() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(PREFIX_LENGTH))


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(action: Action, key: ApiKey, actor: User, **details: object) -> None:
    audit.record(action=action, subject_kind="api_key", subject_id=key.id, actor=actor, details=details)
