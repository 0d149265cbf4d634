"""What the page of a case shows. Upper rooms fill it; settings.REVIEW_CASES names them by kind."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from heirloom.accounts.models import User
from heirloom.api.ranges import Readable
from heirloom.reviews.models import Review


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a case. key: by which read_picture finds it. reasons: plain words, why it did not count."""

    key: str
    caption: str
    facts: tuple[Fact, ...] = ()
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """The moving pictures of a case. poster: the key of the picture shown before; missing: plain words, why none."""

    caption: str
    poster: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One side of the comparison; the first picture stands large."""

    title: str
    subtitle: str
    pictures: tuple[Picture, ...]
    clip: Clip | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """What one check said, or that it could not say. outcome: one of vision.types.AttackOutcome.

    role: plain words, what its word counts for.
    """

    name: str
    outcome: str
    role: str
    words: str


@dataclass(frozen=True, slots=True)
class Case:
    """approve and reject: what either verdict will do. reason_codes: (code, words) of ReasonCode that fit this kind."""

    claimed: str
    question: str
    reference: Panel
    probe: Panel
    facts: tuple[Fact, ...]
    signals: tuple[Signal, ...]
    approve: str
    reject: str
    reason_codes: tuple[tuple[str, str], ...]


class CaseKind(Protocol):
    """reasons: by verdict, the reason codes that speak for it."""

    reasons: Mapping[str, Collection[str]]

    def askers(self, subject_id: uuid.UUID) -> Collection[int]:
        """Return the ids of the logins whose request a subject is; they may not decide about it."""
        ...

    def titles(self, subject_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, str]:
        """Return whom each of the subjects is about, in one query."""
        ...

    def show(self, review: Review) -> Case | None:
        """Return what there is to see; None when the subject was erased."""
        ...

    def read_picture(self, review: Review, key: str, viewer: User) -> bytes:
        """Return a picture of this case as a JPEG and note in the audit log who looked.

        Raises Refusal "not_found" for a key that is not of this case, and when the picture is gone.
        """
        ...

    def open_clip(self, review: Review, viewer: User) -> Readable:
        """Return the clip of this case as an MP4 and note in the audit log who looked.

        Raises Refusal "not_found" where there is none.
        """
        ...


def case_kind(kind: str) -> CaseKind:
    made: CaseKind = import_string(settings.REVIEW_CASES[kind])()
    return made
