"""Endpoints that span both apps."""

import uuid

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from enrollment.models import Person
from heirloom.api.permissions import caller, role
from heirloom.portal.erasure import erase_person


class EraseView(APIView):
    """Remove a person with templates, captures and files; it cannot be undone."""

    permission_classes = [role("hr", "admin")]

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, person_id: uuid.UUID) -> Response:
        erase_person(person=get_object_or_404(Person, pk=person_id), actor=caller(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
