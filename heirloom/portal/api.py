"""Endpoints that span both apps: exporting and erasing a person, following a job."""

import uuid
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrollment.models import Person
from enrollment.services.people import find_person
from heirloom.api.filters import asked
from heirloom.api.negotiation import OneForm
from heirloom.api.permissions import JustSignedIn, caller, role
from heirloom.api.ranges import streamed
from heirloom.errors import Refusal
from heirloom.jobs.models import Job
from heirloom.portal.erasure import erase_person
from heirloom.portal.export import export_person, filename
from verification.services import attempts

DUE = "Erasure-Due"


class EraseView(APIView):
    """Remove a person with templates, captures and files; it cannot be undone.

    What was sealed opens no more once this is answered. Until the time in the header `Erasure-Due`, names and search
    vectors have left the files of the database too; the audit log then has `person.erasure_completed`.
    """

    permission_classes = [role("hr", "admin"), JustSignedIn]
    refuses = ("storage_unavailable", "not_found")

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, person_id: str) -> Response:
        receipt = erase_person(person=_person(person_id), actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT, headers={DUE: receipt.due_at.isoformat()})


class FaceVerificationSerializer(serializers.Serializer[Any]):
    suspended_at = serializers.DateTimeField(allow_null=True, help_text="Since when nobody is verified as this person.")
    failures = serializers.IntegerField(help_text="Attempts that failed since the last success, of all callers.")
    example = {"suspended_at": None, "failures": 3}


class FaceVerificationView(APIView):
    """Whether a person can be verified by face, and how many attempts failed."""

    permission_classes = [role("hr", "admin")]

    @extend_schema(operation_id="people_face_verification", responses=FaceVerificationSerializer)
    def get(self, request: Request, person_id: str) -> Response:
        return _standing(_person(person_id))


class ReleaseView(APIView):
    """Let a person be verified by face again after too many failed attempts, and forget the count."""

    permission_classes = [role("hr", "admin")]

    @extend_schema(operation_id="people_face_verification_release", request=None, responses=FaceVerificationSerializer)
    def post(self, request: Request, person_id: str) -> Response:
        person = _person(person_id)
        attempts.release(person=person, actor=caller(request))
        return _standing(person)


class ExportFilters(serializers.Serializer[Any]):
    templates = serializers.BooleanField(default=False, help_text="With the numbers of the templates.")


class ExportView(APIView):
    """Export everything that is held on a person, as a ZIP to hand to them. Each export stands in the audit log."""

    permission_classes = [role("hr", "admin"), JustSignedIn]
    refuses = ()
    content_negotiation_class = OneForm

    @extend_schema(
        operation_id="people_export",
        request=None,
        parameters=[ExportFilters],
        responses={(200, "application/zip"): OpenApiTypes.BINARY},
    )
    def post(self, request: Request, person_id: str) -> HttpResponseBase:
        with_vectors = asked(ExportFilters, request.query_params)["templates"]
        person = _person(person_id)
        chunks = export_person(person=person, actor=caller(request), with_vectors=with_vectors)
        return streamed(request._request, chunks, content_type="application/zip", filename=filename(person))


class JobSerializer(serializers.ModelSerializer[Job]):
    example = {"kind": "enrollment", "state": "done"}

    class Meta:
        model = Job
        fields = ("id", "kind", "state", "stage", "progress", "attempts", "error_code", "created_at", "finished_at")


class JobView(APIView):
    """Follow one's own job, never another's."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        rows = Job.objects.all() if caller(request).has_role("admin") else Job.objects.filter(owner=caller(request))
        job = rows.filter(pk=job_id).first()
        if job is None:
            raise Refusal("not_found")
        return Response(JobSerializer(job).data)


def _standing(person: Person) -> Response:
    held, failures = attempts.of_person(person)
    standing = {"suspended_at": held.suspended_at if held else None, "failures": failures}
    return Response(FaceVerificationSerializer(standing).data)


def _person(reference: str) -> Person:
    """Return the person of an address, by our id or by the one that a client app gave."""
    person = find_person(reference)
    if person is None:
        raise Refusal("not_found")
    return person
