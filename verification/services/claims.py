"""Claims: whom a probe is said to show, and what a client app is told of claims that are none.

A client app must not learn from us who works here. A number that nobody has, one of a suspended person and one of
somebody without a face are taken and worked on like any other, and rejected like a face that does not match. Staff read
what it was.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from enrollment.models import Person
from heirloom.accounts.models import User
from heirloom.decision.sight import is_match
from heirloom.errors import Refusal
from verification.models import Verification

NOT_ENROLLED, SUSPENDED, UNKNOWN = "not_enrolled", "person_suspended", "person_unknown"
HIDDEN = (NOT_ENROLLED, SUSPENDED, UNKNOWN)
"""Reasons for staff alone: why there was nothing to compare a face with."""
NO_MATCH = "no_match"
NOT_CALIBRATED = "score_not_calibrated"
_SALT = "verification.claims"


@dataclass(frozen=True, slots=True)
class Claim:
    """person: None where nobody whom the caller may name has that id. token: the same for the same claim, and no id."""

    person: Person | None
    token: str

    @classmethod
    def of(cls, person: Person) -> "Claim":
        return cls(person, token_of(person.id))

    @classmethod
    def of_nobody(cls, name: str, reference: str) -> "Claim":
        """Claim somebody by an id that is nobody's. name: of the field that it came in."""
        return cls(None, _token(f"{name}:{reference}"))


def token_of(person_id: uuid.UUID | None) -> str:
    """Return the token of a claim of a person; "" of nobody."""
    return "" if person_id is None else _token(f"person:{person_id}")


def make(*, caller: User, name: str, reference: str) -> Claim:
    """Return the claim of whoever has this id. name: "person_id" or "employee_id".

    Staff are told of what cannot be verified: raises Refusal "not_found" or "person_suspended" for them.
    """
    people = Person.objects.within(caller.gallery)
    found = people.named([reference]) if name == "person_id" else people.filter(employee_id=reference)
    person = found.first()
    if caller.sight.is_staff:
        if person is None:
            raise Refusal("not_found", "Nobody here has this id.", attr=name)
        if person.status == Person.Status.SUSPENDED:
            raise Refusal("person_suspended")
    return Claim.of_nobody(name, reference) if person is None else Claim.of(person)


def tokens_of(*, caller: User, name: str, reference: str) -> set[str]:
    """Return the tokens that this id was claimed by: as whoever has it now, and as nobody's."""
    people = Person.objects.within(caller.gallery)
    found = people.named([reference]) if name == "person_id" else people.filter(employee_id=reference)
    return {
        Claim.of_nobody(name, reference).token,
        *(token_of(person_id) for person_id in found.values_list("id", flat=True)),
    }


def missing(person: Person | None) -> str:
    """Return the reason why there is nobody to compare a claim with; "" where there may be."""
    if person is None:
        return UNKNOWN
    return SUSPENDED if person.status == Person.Status.SUSPENDED else ""


def is_told(verification: Verification) -> bool:
    """Say whether a client app is told who it was: where the face is that person's, by the machine or a reviewer."""
    approved = verification.decision == Verification.Decision.APPROVED
    return approved or is_match(verification.similarity)


def as_told(reasons: Iterable[str]) -> list[str]:
    """Return reasons as a client app may read them."""
    given = list(reasons)
    if not set(HIDDEN) & set(given):
        return given
    # Where nothing is measured no face is rejected either; whom it was compared with is then not told at all.
    instead = [] if NOT_CALIBRATED in given else [NO_MATCH]
    told = [part for code in given for part in (instead if code in HIDDEN else [code])]
    return list(dict.fromkeys(told))


def _token(what: str) -> str:
    return salted_hmac(_SALT, what, algorithm="sha256").hexdigest()
