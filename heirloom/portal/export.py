"""All that is held on one person as a ZIP, for a request under GDPR articles 15 and 20; made while it is sent."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.utils import timezone

from enrollment.models import Person
from enrollment.services import disclosure as enrollment_disclosure
from enrollment.services.disclosure import Document, listed
from heirloom.accounts.models import User
from heirloom.audit import services as audit
from heirloom.audit.models import Action, AuditEvent
from heirloom.reviews.models import Review
from verification.services import disclosure as verification_disclosure

REVIEWS = ("id", "kind", "subject_id", "reasons", "verdict", "reason_code", "created_at", "decided_at")
# Which logins and keys asked is their owners' data.
HIDDEN_DETAILS = {"api_key"}
README = """\
What Heirloom holds on one person. Times are UTC; codes are explained in docs/errors.md of the installation.

person.json          name, numbers, department, and what else was noted
consents.json        what was agreed to, when and how, and what was withdrawn
enrollments.json     the occasions on which pictures were handed in, and what became of them
captures.json        every picture and clip received, with the verdict on it; those still kept lie in captures/
templates.json       which templates were computed of which picture{vectors}
template_means.json  what is compared with: the mean of the templates of each model
import_lines.json    lines of imported tables that made this person
verifications.json   every attempt to be recognized as this person, and how it ended
searches.json        searches in which this person was among those found, and at which rank
verifications/       the pictures of attempts that were decided to show this person
challenges.json      movements that were asked for as a proof of presence
reviews.json         what human reviewers decided
audit.json           who did what when, from the audit log

Left out, because it is or may be of other people: pictures of attempts that were not decided to show this person,
who else was found by a search or resembles this person, who of the staff acted, and what reviewers wrote in their
own words.
"""


def export_person(*, person: Person, actor: User, with_vectors: bool) -> Iterator[bytes]:
    """Note in the audit log that a person's data are handed out, and return them as the bytes of a ZIP.

    with_vectors: with the numbers of the templates. Memory stays the same however much there is.
    """
    audit.record(
        action=Action.PERSON_EXPORTED,
        subject_kind="person",
        subject_id=person.id,
        actor=actor,
        details={"vectors": with_vectors},
    )
    return _zipped(_documents(person, with_vectors=with_vectors))


def filename(person: Person) -> str:
    """Return what to save the ZIP as; it tells no name."""
    return f"person-{person.id}.zip"


def _documents(person: Person, *, with_vectors: bool) -> Iterator[Document]:
    vectors = ", with their numbers" if with_vectors else ""
    yield Document("README.txt", [README.format(vectors=vectors).encode()])
    yield from chain(
        enrollment_disclosure.documents(person, with_vectors=with_vectors), verification_disclosure.documents(person)
    )
    about = verification_disclosure.about(person).values_list("id", flat=True)
    subjects = [*about, *person.enrollments.values_list("id", flat=True)]
    yield listed("reviews.json", Review.objects.filter(subject_id__in=subjects).values(*REVIEWS))
    events = AuditEvent.objects.filter(subject_id__in=[person.id, *subjects]).order_by("sequence")
    yield listed("audit.json", map(_event, events.iterator(chunk_size=1000)))


def _event(event: AuditEvent) -> dict[str, Any]:
    return {
        "at": event.at,
        "action": event.action,
        "by": event.actor_kind,
        "subject": {"kind": event.subject_kind, "id": event.subject_id},
        "details": {name: value for name, value in event.details.items() if name not in HIDDEN_DETAILS},
    }


class _Outflow(io.RawIOBase):
    """What a ZIP is written to: it keeps only what nobody has taken yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def taken(self) -> bytes:
        whole = bytes(self._waiting)
        self._waiting.clear()
        return whole


def _zipped(documents: Iterable[Document]) -> Iterator[bytes]:
    out, made_at = _Outflow(), timezone.now().timetuple()[:6]
    with zipfile.ZipFile(out, "w") as archive:
        for document in documents:
            info = zipfile.ZipInfo(document.name, made_at)
            info.compress_type = zipfile.ZIP_DEFLATED if document.is_text else zipfile.ZIP_STORED
            # How long it is shows only at its end, so room for more than 4 GB is left.
            with archive.open(info, "w", force_zip64=True) as entry:
                for chunk in document.chunks:
                    entry.write(chunk)
                    if whole := out.taken():
                        yield whole
    yield out.taken()
