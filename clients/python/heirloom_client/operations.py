"""What the API can be asked, each as a flow; the clients carry flows out."""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

from heirloom_client import answers, uploading
from heirloom_client.answers import Accepted, Challenge, Enrollment, Page, Upload, Verification, read
from heirloom_client.core import Call, Flow, Pause, Session, post
from heirloom_client.errors import TookTooLongError
from heirloom_client.uploading import CHUNK_BYTES, Progress

T = TypeVar("T")
Source = bytes | str | os.PathLike[str] | BinaryIO
"""A file: its bytes, its path, or an open file that can be rewound."""
FIRST_POLL_S, SLOWEST_POLL_S, POLL_GROWTH = 0.2, 3.0, 1.5


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """What somebody agreed to, when and how; given_at must be aware of its time zone."""

    policy_version: str
    given_at: datetime
    method: str

    def as_json(self) -> dict[str, str]:
        if self.given_at.tzinfo is None:
            raise ValueError("given_at must be aware of its time zone.")
        return {"policy_version": self.policy_version, "given_at": self.given_at.isoformat(), "method": self.method}


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list that comes page by page."""

    session: Session
    path: str
    kind: type[T]
    filters: Mapping[str, str]

    def page(self, cursor: str | None) -> Flow[Page[T]]:
        params = {**self.filters, **({"cursor": cursor} if cursor else {})}
        response = yield from self.session.call(Call("GET", self.path, params=params))
        body = response.json()
        following = parse_qs(urlsplit(body["next"] or "").query).get("cursor", [None])[0]
        return Page(tuple(read(self.kind, row) for row in body["results"]), following)


class Operations:
    """Photos are given as bytes, paths or open files and sent in base64; clips travel as they are."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def detect(
        self,
        photo: Source,
        *,
        model_name: str = "auto",
        conf_threshold: float = 0.5,
        iou_threshold: float = 0.4,
        max_faces: int = 50,
        min_quality_threshold: float = 40.0,
        return_landmarks: bool = False,
        use_fallback: bool = True,
    ) -> Flow[answers.Detection]:
        """Find faces in a photo, with the quality of each."""
        body = {
            "image_base64": _base64(photo),
            "model_name": model_name,
            "conf_threshold": conf_threshold,
            "iou_threshold": iou_threshold,
            "max_faces": max_faces,
            "min_quality_threshold": min_quality_threshold,
            "return_landmarks": return_landmarks,
            "use_fallback": use_fallback,
        }
        return self._asked("detect/", body, answers.Detection)

    def compare(self, first: Source, second: Source, *, model_name: str = "auto") -> Flow[answers.Comparison]:
        """Say whether two photos show the same person."""
        photos = {"face1_image_base64": _base64(first), "face2_image_base64": _base64(second)}
        return self._asked("compare/", {**photos, "model_name": model_name}, answers.Comparison)

    def recognize(
        self,
        photo: Source,
        *,
        gallery: Mapping[str, Any] | None = None,
        model_name: str = "auto",
        top_k: int = 5,
        similarity_threshold: float = 0.5,
    ) -> Flow[answers.Recognition]:
        """Say who of the gallery a photo shows. gallery: {"person_ids": [...]} or {"department": "..."}."""
        body = {
            "face_image_base64": _base64(photo),
            "model_name": model_name,
            "top_k": top_k,
            "similarity_threshold": similarity_threshold,
            **({"gallery": gallery} if gallery is not None else {}),
        }
        return self._asked("recognize/", body, answers.Recognition)

    def anti_spoofing(self, photo: Source) -> Flow[answers.AttackCheck]:
        """Say whether a photo shows a live person or a picture of one."""
        return self._asked("anti-spoofing/", {"image_base64": _base64(photo)}, answers.AttackCheck)

    def add_face(
        self,
        person_name: str,
        photo: Source,
        *,
        person_id: str | None = None,
        model_name: str = "auto",
        metadata: Mapping[str, Any] | None = None,
        fast_mode: bool = False,
        consent: ConsentGiven | None = None,
    ) -> Flow[answers.AddedFace]:
        """Enroll a person by one photo, or add it to the references of one. person_id: your own, or Heirloom's."""
        body = {
            "person_name": person_name,
            "face_image_base64": _base64(photo),
            "model_name": model_name,
            "fast_mode": fast_mode,
            **_given(person_id=person_id, metadata=metadata, consent=consent),
        }
        return self._asked("add-face/", body, answers.AddedFace)

    def register_multiple(
        self,
        full_name: str,
        employee_id: str,
        photos: Iterable[Source],
        *,
        department: str | None = None,
        position: str | None = None,
        model_name: str = "auto",
        metadata: Mapping[str, Any] | None = None,
        consent: ConsentGiven | None = None,
    ) -> Flow[answers.Registration]:
        """Enroll a new person by several photos, with a verdict on each."""
        body = {
            "full_name": full_name,
            "employee_id": employee_id,
            "images": [_base64(photo) for photo in photos],
            "model_name": model_name,
            **_given(department=department, position=position, metadata=metadata, consent=consent),
        }
        return self._asked("register-multiple/", body, answers.Registration)

    def create_person(
        self, full_name: str, *, employee_id: str | None = None, department: str = "", position: str = ""
    ) -> Flow[answers.Person]:
        """Make a person, who has neither consent nor face yet."""
        details = {"full_name": full_name, "department": department, "position": position}
        return self._asked("people/", {**details, **_given(employee_id=employee_id)}, answers.Person)

    def give_consent(self, person_id: str, consent: ConsentGiven) -> Flow[answers.Consent]:
        """Record what a person agreed to."""
        return self._asked(f"people/{person_id}/consents/", consent.as_json(), answers.Consent)

    def enroll(
        self,
        person_id: str,
        files: Sequence[Source] = (),
        *,
        upload: Upload | str | None = None,
        consent: ConsentGiven | None = None,
    ) -> Flow[Accepted[Enrollment]]:
        """Enroll a person by photos, a clip or an upload; wait for what is accepted.

        Without a consent one must stand already.
        """
        if bool(files) == (upload is not None):
            raise ValueError("Give files or an upload.")
        if consent is not None:
            yield from self.give_consent(person_id, consent)
        path = f"people/{person_id}/captures/"
        with ExitStack() as opened:
            parts = [("files", opened.enter_context(_part(file))) for file in files]
            call = post(path, files=parts) if parts else post(path, json={"upload_id": _id(upload)})
            response = yield from self._session.call(call)
        visit = str(response.json()["id"])
        return Accepted(visit, Enrollment, f"enrollments/{visit}/")

    def verify(
        self,
        file: Source | None = None,
        *,
        person_id: str | None = None,
        employee_id: str | None = None,
        upload: Upload | str | None = None,
        challenge: Challenge | None = None,
    ) -> Flow[Accepted[Verification]]:
        """Verify by a photo or clip that somebody is who they say; wait for what is accepted.

        Of person_id and employee_id give one, of file and upload too. challenge: the one that the clip answers.
        """
        if (person_id is None) == (employee_id is None):
            raise ValueError("Name the person by person_id or employee_id; to look for one, use identify.")
        return (yield from self._submit(file, upload, challenge, person_id=person_id, employee_id=employee_id))

    def identify(
        self, file: Source | None = None, *, upload: Upload | str | None = None, challenge: Challenge | None = None
    ) -> Flow[Accepted[Verification]]:
        """Look for the person of a photo or clip among all who are enrolled; wait for what is accepted."""
        return (yield from self._submit(file, upload, challenge))

    def wait(self, accepted: Accepted[T], *, timeout_s: float = 120.0) -> Flow[T]:
        """Ask, less and less often, until the work is done, and return what came of it.

        Raises TookTooLongError; the work goes on.
        """
        waited, pause = 0.0, FIRST_POLL_S
        while True:
            response = yield from self._session.call(Call("GET", accepted.path))
            if response.json()["status"] == "done":
                return read(accepted.kind, response.json())
            if waited + pause > timeout_s:
                raise TookTooLongError(f"{accepted.path} is not done after {waited:.0f} s.")
            yield Pause(pause)
            waited, pause = waited + pause, min(SLOWEST_POLL_S, pause * POLL_GROWTH)

    def verification(self, verification_id: str) -> Flow[Verification]:
        """Return a verification as it stands."""
        response = yield from self._session.call(Call("GET", f"verifications/{verification_id}/"))
        return read(Verification, response.json())

    def cancel(self, verification_id: str) -> Flow[Verification]:
        """Cancel a verification that is not done; what was sent is destroyed."""
        return self._asked(f"verifications/{verification_id}/cancel/", None, Verification)

    def challenge(
        self, *, person_id: str | None = None, employee_id: str | None = None, kinds: Sequence[str] | None = None
    ) -> Flow[Challenge]:
        """Ask for movements of the head that one clip must show, soon. kinds: which may be asked for."""
        return self._asked("challenges/", _given(person_id=person_id, employee_id=employee_id, kinds=kinds), Challenge)

    def erase(self, person_id: str) -> Flow[None]:
        """Remove a person with templates, captures and files, for good."""
        yield from self._session.call(Call("POST", f"people/{person_id}/erase/"))

    def people(self, *, search: str = "") -> Listing[answers.Person]:
        """List people by name."""
        return Listing(self._session, "people/", answers.Person, {"search": search} if search else {})

    def verifications(self, /, **filters: str) -> Listing[Verification]:
        """List verifications, the newest first; filters as in the API: outcome, decision, reason, person_id, ..."""
        return Listing(self._session, "verifications/", Verification, filters)

    def upload(
        self,
        file: Source,
        *,
        resume: Upload | str | None = None,
        chunk_bytes: int = CHUNK_BYTES,
        progress: Progress | None = None,
    ) -> Flow[Upload]:
        """Upload a large file in pieces, going on after each break where it broke off (tus 1.0).

        resume: an upload, or its id, that an earlier run began. progress: is told how many bytes are there, of all.
        Raises UploadBrokenError, which knows the id, when that failed too often in a row.
        """
        with _opened(file) as (content, name):
            known = _id(resume)
            return (
                yield from uploading.upload(
                    self._session, content, name=name, known=known, chunk_bytes=chunk_bytes, progress=progress
                )
            )

    def _asked(self, path: str, body: Any, kind: type[T]) -> Flow[T]:
        response = yield from self._session.call(post(path, json=body))
        return read(kind, response.json())

    def _submit(
        self, file: Source | None, upload: Upload | str | None, challenge: Challenge | None, **claim: str | None
    ) -> Flow[Accepted[Verification]]:
        if (file is None) == (upload is None):
            raise ValueError("Give a file or an upload.")
        fields = _given(**claim)
        if challenge is not None:
            fields |= {"challenge_id": challenge.id, "challenge_nonce": challenge.nonce}
        if file is None:
            fields["upload_id"] = _id(upload)
            response = yield from self._session.call(post("verifications/", json=fields))
        else:
            with _part(file) as part:
                response = yield from self._session.call(post("verifications/", data=fields, files=[("file", part)]))
        made = str(response.json()["id"])
        return Accepted(made, Verification, f"verifications/{made}/")


def _id(upload: Upload | str | None) -> str | None:
    return upload.id if isinstance(upload, Upload) else upload


def _given(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value."""
    told = {name: one.as_json() if isinstance(one, ConsentGiven) else one for name, one in fields.items()}
    return {name: one for name, one in told.items() if one is not None}


@contextmanager
def _opened(source: Source) -> Iterator[tuple[BinaryIO, str]]:
    """Give an open file, rewound, and its name. One that was open already stays so."""
    if isinstance(source, bytes):
        yield BytesIO(source), "file"
    elif isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield file, Path(source).name
    else:
        source.seek(0)
        yield source, Path(str(getattr(source, "name", "file"))).name


@contextmanager
def _part(source: Source) -> Iterator[tuple[str, BinaryIO]]:
    """Give a file as a part of a form."""
    with _opened(source) as (file, name):
        yield name, file


def _base64(source: Source) -> str:
    with _opened(source) as (file, _):
        return base64.b64encode(file.read()).decode()
