"""/add-face and /register-multiple: enrollment answered in the call."""

import time
from typing import Any

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from enrollment.api import serializers as wire
from enrollment.services import enrollments, people
from enrollment.services.consents import ConsentGiven
from enrollment.services.enrollments import Newcomer, Visitor
from enrollment.services.registration import Photo, read, register
from heirloom.accounts.models import User
from heirloom.api.idempotent import Idempotent
from heirloom.api.images import read_photo
from heirloom.api.permissions import caller, role_or_scope
from heirloom.api.places import Computing
from heirloom.api.refusals import BARE_FACE, DUPLICATE, NAMED_MODEL, PHOTO, SEALED
from heirloom.api.throttles import charge_more
from heirloom.jobs import services as jobs
from heirloom.jobs.vision import chosen_pack
from heirloom.live.reading import address

ENROLLING = (
    *PHOTO,
    *BARE_FACE,
    "pictures_differ",
    "differs_from_enrolled",
    "consent_required",
    "consent_not_attestable",
    *DUPLICATE,
    *NAMED_MODEL,
    *SEALED,
)


class AddFaceView(Computing, Idempotent):
    """Enroll a person by one photo, or add it to the references of one.

    `person_id` is the caller's own string, or our id; without a `consent` in the body the recorded basis of the
    caller's credential counts. `processing_mode` async answers 202 and where to look.
    """

    costs = {"post": "photo"}
    permission_classes = [role_or_scope("people:write")]
    refuses = (*ENROLLING, "queue_too_old")

    @extend_schema(request=wire.AddFaceInput, responses={201: wire.AddFaceAnswer, 202: wire.LinksAnswer})
    def post(self, request: Request) -> Response:
        given = _valid(wire.AddFaceInput(data=request.data))
        visitor, consent = _visitor(given), _consent(given, caller(request))
        if given["processing_mode"] == "async":
            return self._later(given, visitor, consent, caller(request))
        return self._now(given, visitor, consent, caller(request))

    @staticmethod
    def _now(given: dict[str, Any], visitor: Visitor, consent: ConsentGiven | None, actor: User) -> Response:
        started = time.monotonic()
        data = given["face_image_base64"]
        photo = Photo(data, read_photo(data, attr="face_image_base64").image)
        done = register(
            visitor=visitor,
            photos=[photo],
            actor=actor,
            consent=consent,
            pack=given["model_name"],
            use_fallback=not given["fast_mode"],
        )
        answer = {
            "success": True,
            "person_id": given.get("person_id") or done.person.public_id,
            "person_name": done.person.full_name,
            "embedding_extracted": True,
            "model_used": done.model,
            "face_quality": done.verdicts[0]["quality"],
            "processing_time": round(time.monotonic() - started, 4),
        }
        return Response(answer, status=status.HTTP_201_CREATED)

    @staticmethod
    def _later(given: dict[str, Any], visitor: Visitor, consent: ConsentGiven | None, actor: User) -> Response:
        jobs.require_keeping_up(kind="enrollment")
        uploads = [[given["face_image_base64"]]]
        visit = enrollments.submit(
            visitor=visitor,
            uploads=uploads,
            source="api",
            actor=actor,
            consent=consent,
            pack=chosen_pack(given["model_name"]),
            fast=given["fast_mode"],
        )
        job = jobs.latest(kind="enrollment", subject_id=visit.id)
        links = {"self": reverse("enrollment-detail", args=[visit.id]), "live": address("enrollment", visit.id)}
        links |= {"job": reverse("job", args=[job.id])} if job else {}
        return Response({"id": visit.id, "status": "queued", "links": links}, status=status.HTTP_202_ACCEPTED)


class RegisterMultipleView(Computing, Idempotent):
    """Enroll a new person by several photos, with a verdict on each; at least one must be good."""

    costs = {"post": "photo"}
    permission_classes = [role_or_scope("people:write")]
    refuses = (*ENROLLING, "employee_id_taken")

    @extend_schema(request=wire.RegisterInput, responses={201: wire.RegisterAnswer})
    def post(self, request: Request) -> Response:
        given = _valid(wire.RegisterInput(data=request.data))
        charge_more(request, "photo", len(given["images"]) - 1)
        known = ("employee_id", "department", "position", "metadata")
        details = {name: given[name] for name in known if name in given}
        done = register(
            visitor=Newcomer(given["full_name"], details),
            photos=[read(data) for data in given["images"]],
            actor=caller(request),
            consent=_consent(given, caller(request)),
            pack=given["model_name"],
        )
        accepted = sum(verdict["accepted"] for verdict in done.verdicts)
        answer = {"success": True, "person_id": str(done.person.id), "accepted": accepted, "images": done.verdicts}
        return Response(answer, status=status.HTTP_201_CREATED)


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _visitor(given: dict[str, Any]) -> Visitor:
    """Return the person that the caller's id names, or the newcomer who will carry it."""
    reference = given.get("person_id")
    known = people.find_person(reference) if reference else None
    details = {"metadata": given["metadata"], **({"external_id": reference} if reference else {})}
    return known or Newcomer(given["person_name"], details)


def _consent(given: dict[str, Any], caller: User) -> ConsentGiven | None:
    """Return the consent in the body, else the recorded basis of the caller's credential."""
    if "consent" in given:
        return ConsentGiven(**given["consent"])
    if caller.consent_basis:
        return ConsentGiven(caller.consent_basis["policy_version"], timezone.now(), caller.consent_basis["method"])
    return None
