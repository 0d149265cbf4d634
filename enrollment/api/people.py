"""/people/ and what belongs to a person."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from enrollment import private
from enrollment.api import serializers as wire
from enrollment.api.filters import PersonFilters, people_asked_for
from enrollment.models import Enrollment, Person
from enrollment.querysets import EnrollmentQuerySet, PersonQuerySet
from enrollment.services import consents, enrollments, people
from enrollment.services.consents import ConsentGiven
from heirloom.api.idempotent import Idempotent
from heirloom.api.pagination import ByName
from heirloom.api.parsers import JSONParser, MultiPartParser
from heirloom.api.permissions import caller, role
from heirloom.api.refusals import FILE, UPLOAD
from heirloom.api.throttles import charge_more
from heirloom.errors import Refusal
from heirloom.jobs import services as jobs
from heirloom.live.reading import address
from heirloom.uploads import services as uploads


class PersonViewSet(
    Idempotent,
    mixins.ListModelMixin,
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    viewsets.GenericViewSet[Person],
):
    """People who may be enrolled."""

    costs = {"captures": "capture"}
    queryset = Person.objects.all()
    serializer_class = wire.PersonSerializer
    permission_classes = [role("hr", "admin")]
    pagination_class = ByName
    lookup_value_regex = "[^/]+"
    refuses = {
        "create": ("employee_id_taken",),
        "update": ("employee_id_taken",),
        "partial_update": ("employee_id_taken",),
        "consents": (),
        "withdraw_consent": (),
        "captures": (*FILE, *UPLOAD, "consent_required", "key_unavailable", "queue_too_old"),
    }

    def get_queryset(self) -> PersonQuerySet:
        rows = Person.objects.with_reference_counts()
        return people_asked_for(rows, self.request.query_params) if self.action == "list" else rows

    @extend_schema(parameters=[PersonFilters])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().list(request, *args, **kwargs)

    def paginate_queryset(self, queryset: Any) -> Any:
        """Open what is noted of a page's people together."""
        page = super().paginate_queryset(queryset)
        private.open_all(page or ())
        return page

    def get_object(self) -> Person:
        """Return the person of this address, by our id or by the one that a client app gave."""
        person = self.get_queryset().named([self.kwargs["pk"]]).first()
        if person is None:
            raise Refusal("not_found")
        return person

    def perform_create(self, serializer: Any) -> None:
        serializer.instance = people.create_person(actor=caller(self.request), **serializer.validated_data)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = people.update_person(
            person=serializer.instance, actor=caller(self.request), **serializer.validated_data
        )

    @extend_schema(methods=["GET"], summary="List a person's consents", responses=wire.ConsentSerializer(many=True))
    @extend_schema(
        methods=["POST"],
        summary="Record a person's consent",
        request=wire.ConsentInput,
        responses={201: wire.ConsentSerializer},
    )
    @action(detail=True, methods=["get", "post"], pagination_class=None)
    def consents(self, request: Request, pk: str) -> Response:
        """Consents of a person: all that were given, or a new one, which takes the place of the one before."""
        person = self.get_object()
        if request.method == "GET":
            return Response(wire.ConsentSerializer(person.consents.all(), many=True).data)
        given = wire.ConsentInput(data=request.data)
        given.is_valid(raise_exception=True)
        consent = consents.give(person=person, actor=caller(request), **given.validated_data)
        return Response(wire.ConsentSerializer(consent).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: wire.ConsentSerializer(many=True)})
    @action(detail=True, methods=["post"], url_path="consents/withdraw", pagination_class=None)
    def withdraw_consent(self, request: Request, pk: str) -> Response:
        """Withdraw a person's consent; all templates of the person are deleted with it."""
        person = self.get_object()
        for consent in person.consents.active():
            consents.withdraw(consent=consent, actor=caller(request))
        return Response(wire.ConsentSerializer(person.consents.all(), many=True).data)

    @extend_schema(methods=["GET"], summary="List a person's captures", responses=wire.CaptureSerializer(many=True))
    @extend_schema(
        methods=["POST"],
        summary="Enroll a person by photos or a clip",
        request={"multipart/form-data": wire.CapturesInput, "application/json": wire.CapturesOfUpload},
        responses={202: wire.LinksAnswer},
    )
    @action(detail=True, methods=["get", "post"], parser_classes=[MultiPartParser, JSONParser], pagination_class=None)
    def captures(self, request: Request, pk: str) -> Response:
        """Photos and clips of a person, with the verdict on each; new ones enroll the person, or add references.

        What is sent is judged after the answer: follow `links.self`.
        """
        person = self.get_object()
        if request.method == "GET":
            return Response(wire.CaptureSerializer(person.captures.all(), many=True).data)
        jobs.require_keeping_up(kind="enrollment")
        given = wire.CapturesInput(data=request.data)
        given.is_valid(raise_exception=True)
        charge_more(request, "capture", len(given.validated_data.get("files", [None])) - 1)
        visit = self._submitted(person, given.validated_data)
        link = reverse("enrollment-detail", args=[visit.id])
        return Response(
            {"id": visit.id, "status": "queued", "links": {"self": link, "live": address("enrollment", visit.id)}},
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": link},
        )

    def _submitted(self, person: Person, given: dict[str, Any]) -> Enrollment:
        """Hand in what was sent: files, or the one file of a finished upload."""
        actor, upload = caller(self.request), None
        files = [file.chunks() for file in given.get("files", ())]
        if "upload_id" in given:
            upload = uploads.find(owner=actor, upload_id=given["upload_id"])
            files = [uploads.read(upload)]
        consent = ConsentGiven(**sent) if (sent := given.get("consent")) else None
        return enrollments.submit(
            visitor=person, uploads=files, source="api", actor=actor, consent=consent, taken_from=upload
        )

    @extend_schema(responses=wire.TemplateSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def templates(self, request: Request, pk: str) -> Response:
        """List what is known of a person's templates; their numbers leave by an export alone."""
        rows = self.get_object().templates.defer("vector_sealed")
        return Response(wire.TemplateSerializer(rows, many=True).data)


class EnrollmentViewSet(mixins.RetrieveModelMixin, viewsets.GenericViewSet[Enrollment]):
    """What became of the captures of one visit."""

    queryset = Enrollment.objects.all()
    serializer_class = wire.EnrollmentSerializer
    permission_classes = [role("hr", "admin")]

    def get_queryset(self) -> EnrollmentQuerySet:
        return Enrollment.objects.with_rows()
