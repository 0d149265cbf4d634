"""/add-face and /register-multiple: enrollment answered in the call."""

import time
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrollment.api import serializers as wire
from enrollment.models import Person
from enrollment.services import people
from enrollment.services.registration import ConsentGiven, Photo, register
from heirloom.accounts.models import User
from heirloom.api.images import read_photo
from heirloom.api.permissions import caller, role_or_scope
from heirloom.errors import Refusal


class AddFaceView(APIView):
    permission_classes = [role_or_scope("people:write")]

    @extend_schema(request=wire.AddFaceInput, responses={201: wire.AddFaceAnswer})
    def post(self, request: Request) -> Response:
        started = time.monotonic()
        given = _valid(wire.AddFaceInput(data=request.data))
        photo = Photo(
            given["face_image_base64"], read_photo(given["face_image_base64"], attr="face_image_base64").image
        )
        person, details = _person(given.get("person_id"), given["metadata"])
        done = register(
            photos=[photo],
            full_name=given["person_name"],
            actor=caller(request),
            consent=_consent(given, caller(request)),
            person=person,
            details=details,
            pack=given["model_name"],
        )
        answer = {
            "success": True,
            "person_id": given.get("person_id") or str(done.person.id),
            "person_name": done.person.full_name,
            "embedding_extracted": True,
            "model_used": done.model,
            "face_quality": done.verdicts[0]["quality"],
            "processing_time": round(time.monotonic() - started, 4),
        }
        return Response(answer, status=status.HTTP_201_CREATED)


class RegisterMultipleView(APIView):
    permission_classes = [role_or_scope("people:write")]

    @extend_schema(request=wire.RegisterInput, responses={201: wire.RegisterAnswer})
    def post(self, request: Request) -> Response:
        given = _valid(wire.RegisterInput(data=request.data))
        known = ("employee_id", "department", "position", "metadata")
        details: dict[str, Any] = {name: given[name] for name in known if name in given}
        done = register(
            photos=[_read(data) for data in given["images"]],
            full_name=given["full_name"],
            actor=caller(request),
            consent=_consent(given, caller(request)),
            details=details,
            pack=given["model_name"],
        )
        accepted = sum(verdict["accepted"] for verdict in done.verdicts)
        answer = {"success": True, "person_id": str(done.person.id), "accepted": accepted, "images": done.verdicts}
        return Response(answer, status=status.HTTP_201_CREATED)


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _read(data: bytes) -> Photo:
    try:
        return Photo(data, read_photo(data, attr="images").image)
    except Refusal as refusal:
        return Photo(data, None, refusal.code)


def _person(reference: str | None, metadata: dict[str, Any]) -> tuple[Person | None, dict[str, Any]]:
    """Return the person that a caller's id names, or the details of a new one that will carry it."""
    if reference is None:
        return None, {"metadata": metadata}
    return people.find_person(reference), {"external_id": reference, "metadata": metadata}


def _consent(given: dict[str, Any], caller: User) -> ConsentGiven | None:
    """Return the consent in the body, else the recorded basis of the caller's credential."""
    if "consent" in given:
        return ConsentGiven(**given["consent"])
    if caller.consent_basis:
        return ConsentGiven(caller.consent_basis["policy_version"], timezone.now(), caller.consent_basis["method"])
    return None
