"""Endpoints that span both apps: erasing a person, following a job."""

import uuid

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrollment.models import Person
from heirloom.api.permissions import caller, role
from heirloom.errors import Refusal
from heirloom.jobs.models import Job
from heirloom.portal.erasure import erase_person


class EraseView(APIView):
    """Remove a person with templates, captures and files; it cannot be undone."""

    permission_classes = [role("hr", "admin")]
    refuses = ("storage_unavailable",)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, person_id: uuid.UUID) -> Response:
        erase_person(person=get_object_or_404(Person, pk=person_id), actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


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
