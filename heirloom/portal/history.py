"""What happened to a person, from the audit log, in plain words."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.audit.models import Action, AuditEvent

SHOWN = 60
WORDS = {
    Action.PERSON_CREATED: "Added",
    Action.PERSON_UPDATED: "Details changed",
    Action.PERSON_ENROLLED: "Enrolled",
    Action.PERSON_EXPORTED: "Data exported",
    Action.CONSENT_GIVEN: "Consent given",
    Action.CONSENT_WITHDRAWN: "Consent withdrawn",
    Action.CAPTURE_RECEIVED: "Picture received",
    Action.CAPTURE_OFFERED: "Clip offered to the transcoder",
    Action.CAPTURE_FETCHED: "Clip fetched by the transcoder",
    Action.TEMPLATE_RETIRED: "Template retired",
    Action.REVIEW_OPENED: "Sent to a reviewer",
    Action.REVIEW_CLAIMED: "Taken up by a reviewer",
    Action.REVIEW_RELEASED: "Put back by a reviewer",
    Action.REVIEW_DECIDED: "Decided by a reviewer",
    Action.FACE_VERIFICATION_SUSPENDED: "No longer verified by face: too many failed attempts",
    Action.FACE_VERIFICATION_RELEASED: "Verified by face again",
    Action.EVIDENCE_VIEWED: "Picture viewed",
}


@dataclass(slots=True)
class Happening:
    """One line: consecutive events of one kind by one actor, `times` of them, the newest `last_at`."""

    words: str
    actor: str
    last_at: datetime
    times: int = 1


def history(person: Person) -> list[Happening]:
    """Return the latest events of a person and of its enrollments, the newest first."""
    subjects: list[UUID] = [person.id, *person.enrollments.values_list("id", flat=True)]
    events = list(AuditEvent.objects.filter(subject_id__in=subjects).order_by("-sequence")[:SHOWN])
    names = _names({event.actor_id for event in events if event.actor_kind == "user"})
    lines: list[Happening] = []
    for event in events:
        words = WORDS.get(Action(event.action), Action(event.action).label)
        actor = names.get(event.actor_id, "a former login") if event.actor_kind == "user" else "Heirloom"
        if lines and (lines[-1].words, lines[-1].actor) == (words, actor):
            lines[-1].times += 1
        else:
            lines.append(Happening(words, actor, event.at))
    return lines


def _names(ids: set[str]) -> dict[str, str]:
    return {str(user.pk): user.get_full_name() or user.username for user in User.objects.filter(pk__in=ids)}
