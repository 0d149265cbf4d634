"""Reports of trust: made each night, signed, kept, exported, verified."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action
from heirloom.locks import hold
from heirloom.trust import reporting, signing, watching
from heirloom.trust.models import Report, Watch
from heirloom.trust.signing import Signature

logger = logging.getLogger(__name__)
WATCHES = UUID(int=7)
"""The subject of events about the watched rates."""
NIGHT_HOURS = 1
"""So long after midnight attempts of the day before are finished, but for those whose worker is away."""
LARGEST_FILE = 5_000_000


@dataclass(frozen=True, slots=True)
class Read:
    """A report from a file. body: its text as it was signed."""

    body: str
    report: Mapping[str, Any]
    signature: Signature


def make(*, release: str = "", now: datetime | None = None) -> Report:
    """Bring the watched rates up to last midnight, and make, sign and keep a report.

    release: what the version is called in it; RELEASE if left out. Raises Refusal "model_not_available" and
    ImproperlyConfigured, where there is no pack or no key ring.
    """
    at = now or timezone.now()
    deciding = reporting.in_force()
    watched = _watched(deciding.policy_name, at) if deciding.policy else []
    composed = reporting.compose(deciding=deciding, watched=watched, now=at, release=release or settings.RELEASE)
    body = canonical(composed)
    signature = signing.sign(body)
    with transaction.atomic():
        report = Report.objects.create(
            made_at=at,
            release=composed["release"],
            body=body,
            key_id=signature.key_id,
            public_key=signature.public_key,
            signature=signature.value,
        )
        details = {"key": signature.key_id, "public_key": signature.public_key, "signature": signature.value}
        audit.record(action=Action.TRUST_REPORTED, subject_kind="trust_report", subject_id=report.id, details=details)
    return report


def make_due() -> bool:
    """Make a report if none was made since NIGHT_HOURS after the last midnight; say whether one was."""
    due = _midnight(timezone.now()) + timedelta(hours=NIGHT_HOURS)
    if timezone.now() < due or Report.objects.filter(made_at__gte=due).exists():
        return False
    make()
    return True


def _midnight(at: datetime) -> datetime:
    return at.astimezone(timezone.get_current_timezone()).replace(hour=0, minute=0, second=0, microsecond=0)


def _watched(policy: str, at: datetime) -> list[Watch]:
    """Follow each rate up to the last midnight, and leave an event where one is alarmed that was not before."""
    with transaction.atomic():
        hold(["heirloom.trust"])  # no attempt is counted twice
        before = {watch.name for watch in watching.alarmed()}
        watched = watching.follow_all(policy=policy, until=_midnight(at))
        fresh = sorted(watch.name for watch in watched if watch.alarmed_at and watch.name not in before)
        if fresh:
            logger.warning("rates have moved away from their baseline: %s", ", ".join(fresh))
            audit.record(
                action=Action.TRUST_DRIFTED, subject_kind="trust_watches", subject_id=WATCHES, details={"rates": fresh}
            )
    return watched


@transaction.atomic
def begin_baseline(*, actor: User | None = None) -> None:
    """Take what comes from now on for normal: every rate gets a new baseline, and alarms end."""
    ended = [watch.name for watch in watching.alarmed()]
    watching.begin_anew(policy=reporting.in_force().policy_name, now=timezone.now())
    audit.record(
        action=Action.TRUST_BASELINE_BEGUN,
        subject_kind="trust_watches",
        subject_id=WATCHES,
        actor=actor,
        details={"ended": ended},
    )


def latest() -> Report | None:
    return Report.objects.first()


def dump(report: Report) -> str:
    """Return a report as a file: what was signed, by which key, and the signature."""
    parts = {
        "report": json.loads(report.body),
        "key": {"id": report.key_id, "ed25519": report.public_key},
        "signature": report.signature,
    }
    return json.dumps(parts, indent=1, sort_keys=True) + "\n"


def read(path: Path) -> Read:
    """Read what `dump` wrote. Raises ValueError for anything else, OSError where there is no file."""
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path} is too large for a trust report.")
    try:
        parts = json.loads(path.read_text(encoding="utf-8"))
        signature = Signature(str(parts["key"]["id"]), str(parts["key"]["ed25519"]), str(parts["signature"]))
        body = canonical(parts["report"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no trust report ({type(error).__name__}).") from None
    return Read(body, parts["report"], signature)


def canonical(report: Mapping[str, Any]) -> str:
    """Return the text that is signed: sorted keys, no spaces, ASCII; numbers as Python writes them."""
    return json.dumps(report, sort_keys=True, separators=(",", ":"), allow_nan=False)
