"""One line of a table as a person: what it says, and everything that is wrong with it at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from enrollment import private
from enrollment.models import Consent, Person
from enrollment.services.consents import ConsentGiven
from enrollment.services.imports.tables import REQUIRED, Fault
from heirloom import bounded_json

DETAILS = ("employee_id", "full_name", "department", "position", "email")
CONSENT = ("consent_policy_version", "consent_given_at", "consent_method")
MOST_PHOTOS = 10
MOST_METADATA_ITEMS = 1000
LONGEST_NAME = 255
_EMAIL = forms.EmailField(required=False, max_length=private.LONGEST_EMAIL)
CLOCKS_DIFFER_BY = timedelta(minutes=5)


class FaultyError(Exception):
    """A line that says nothing usable; `faults` is all of what is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(*faults)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Entry:
    """details: fields of a person, those that the table has columns for. photos: names in the ZIP."""

    details: Mapping[str, Any]
    consent: ConsentGiven | None
    photos: tuple[str, ...]

    @property
    def employee_id(self) -> str:
        return str(self.details["employee_id"])

    def says_of(self, person: Person) -> bool:
        """Whether a person's details are just these, and their consent too where the line names one."""
        if any(getattr(person, name) != value for name, value in self.details.items()):
            return False
        active = person.consents.active().first()
        return self.consent is None or (active is not None and active.policy_version == self.consent.policy_version)


def entry_of(cells: Mapping[str, str]) -> Entry:
    """Return what a line says. Raises FaultyError."""
    faults: list[Fault] = []
    given = {name: cell.strip() for name, cell in cells.items()}
    details: dict[str, Any] = {name: given[name] for name in DETAILS if name in given}
    faults += [Fault("validation_error", "This may not be empty.", name) for name in REQUIRED if not details[name]]
    if "metadata" in given:
        details["metadata"] = _metadata(given["metadata"], faults)
    public = {name: value for name, value in details.items() if name not in private.FIELDS}
    faults += _faults_of(Person(**public), given=public) + _faults_of_email(details.get("email", ""))
    consent = _consent(given, faults)
    photos = _photos(given.get("photos", ""), faults)
    if photos and consent is None and not faults:
        faults.append(Fault("consent_required", attr=CONSENT[0]))
    if faults:
        raise FaultyError(faults)
    return Entry(details, consent, photos)


def _faults_of(row: Person | Consent, *, given: Mapping[str, Any], prefix: str = "") -> list[Fault]:
    """Return what the model has against the fields given; whether one may be empty is said elsewhere."""
    looked_at = {name for name, value in given.items() if value != ""}
    try:
        row.clean_fields(exclude={field.name for field in row._meta.fields} - looked_at)
    except ValidationError as error:
        told = error.message_dict.items()
        return [Fault("validation_error", message, prefix + name) for name, messages in told for message in messages]
    return []


def _faults_of_email(address: str) -> list[Fault]:
    try:
        _EMAIL.clean(address)
    except ValidationError as error:
        return [Fault("validation_error", message, "email") for message in error.messages]
    return []


def _consent(given: Mapping[str, str], faults: list[Fault]) -> ConsentGiven | None:
    named = [name for name in CONSENT if given.get(name)]
    if not named:
        return None
    missing = [name for name in CONSENT if name not in named]
    if missing:
        faults += [Fault("validation_error", "Name all of a consent: version, time and method.", n) for n in missing]
        return None
    version, told, method = (given[name] for name in CONSENT)
    given_at = _moment(told)
    if given_at is None:
        words = "Write a day as 2026-01-05, or a time as 2026-01-05T09:00:00Z."
        faults.append(Fault("validation_error", words, "consent_given_at"))
        return None
    if given_at > timezone.now() + CLOCKS_DIFFER_BY:
        faults.append(Fault("validation_error", "This time has not come yet.", "consent_given_at"))
    said = {"policy_version": version, "method": method}
    faults += _faults_of(Consent(**said), given=said, prefix="consent_")
    return ConsentGiven(version, given_at, method)


def _moment(told: str) -> datetime | None:
    """Return a time; of a day alone its noon, as the portal does; without a zone, in this installation's."""
    try:
        day = parse_date(told)
        at = datetime.combine(day, time(12)) if day else parse_datetime(told)
        if at is not None and timezone.is_naive(at):
            at = timezone.make_aware(at)
    except (ValueError, OverflowError):
        return None
    else:
        return at


def _photos(told: str, faults: list[Fault]) -> tuple[str, ...]:
    names = tuple(name for name in (one.strip() for one in told.split(";")) if name)
    if len(names) > MOST_PHOTOS:
        faults.append(Fault("validation_error", f"At most {MOST_PHOTOS} photos to a line.", "photos"))
    if any(len(name) > LONGEST_NAME for name in names):
        faults.append(Fault("validation_error", f"A file name has at most {LONGEST_NAME} characters.", "photos"))
    if len(set(names)) < len(names):
        faults.append(Fault("validation_error", "A photo is named twice.", "photos"))
    return names


def _metadata(told: str, faults: list[Fault]) -> dict[str, Any]:
    if not told:
        return {}
    try:
        value = bounded_json.read(told.encode(), most_items=MOST_METADATA_ITEMS)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    faults.append(Fault("validation_error", 'Write a JSON object, such as {"badge": 7}.', "metadata"))
    return {}
