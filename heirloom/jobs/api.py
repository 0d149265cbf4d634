"""/jobs/{id}: what became of work in the background."""

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from heirloom.api.permissions import caller
from heirloom.errors import Refusal
from heirloom.jobs.models import Job


class JobSerializer(serializers.ModelSerializer[Job]):
    class Meta:
        model = Job
        fields = ("id", "kind", "state", "stage", "progress", "attempts", "error_code", "created_at", "finished_at")


class JobView(APIView):
    """One's own job, never another's."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=JobSerializer)
    def get(self, request: Request, job_id: uuid.UUID) -> Response:
        rows = Job.objects.all() if caller(request).has_role("admin") else Job.objects.filter(owner=caller(request))
        job = rows.filter(pk=job_id).first()
        if job is None:
            raise Refusal("not_found")
        return Response(JobSerializer(job).data)
