"""/api-keys/: a client app's own keys; an admin's view of all. People of a limit are named as elsewhere in the API."""

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from enrollment.models import Person
from heirloom.accounts.limits import GalleryLimit
from heirloom.accounts.models import SCOPES, User
from heirloom.api import keys
from heirloom.api.idempotent import Idempotent
from heirloom.api.models import ApiKey
from heirloom.api.permissions import JustSignedIn, WithoutKey, caller, role
from heirloom.api.querysets import ApiKeyQuerySet
from heirloom.errors import Refusal

MOST_NAMED = 1000


class GallerySerializer(serializers.Serializer[Any]):
    """Whom a key may find: these people, and whoever is in these departments at the time."""

    person_ids = serializers.ListField(
        child=serializers.CharField(max_length=128), max_length=MOST_NAMED, required=False
    )
    departments = serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=MOST_NAMED, required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = {name: attrs.get(name, []) for name in ("person_ids", "departments")}
        if not any(given.values()):
            raise serializers.ValidationError("Name people or departments, or send null for no limit.")
        return given


class ApiKeyChange(serializers.Serializer[Any]):
    example = {"name": "Front desk", "scopes": ["identify"], "gallery": {"departments": ["Research"]}}

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    gallery = GallerySerializer(required=False, allow_null=True)


class ApiKeyInput(ApiKeyChange):
    owner = serializers.CharField(
        required=False, max_length=150, help_text="The username of a client app, from an admin; else the caller."
    )


class RotateInput(serializers.Serializer[Any]):
    overlap_hours = serializers.IntegerField(
        default=keys.OVERLAP // timedelta(hours=1),
        min_value=0,
        max_value=keys.LONGEST_OVERLAP // timedelta(hours=1),
        help_text="How long the present secret stays good.",
    )


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    owner = serializers.CharField(source="owner.username")
    gallery = serializers.SerializerMethodField()
    example = {"scopes": ["identify"], "gallery": {"person_ids": [], "departments": ["Research"]}}

    class Meta:
        model = ApiKey
        fields: ClassVar[tuple[str, ...]] = (
            "id", "name", "owner", "prefix", "scopes", "gallery", "created_at", "expires_at", "former_until",
            "last_used_at", "revoked_at",
        )  # fmt: skip

    @cached_property
    def _public_ids(self) -> dict[Any, str]:
        shown = self.context["keys"]
        named = Person.objects.filter(pk__in={one for key in shown for one in key.person_ids})
        return {person.pk: person.public_id for person in named.only("id", "external_id")}

    @extend_schema_field(GallerySerializer(allow_null=True))
    def get_gallery(self, key: ApiKey) -> dict[str, list[str]] | None:
        if key.gallery is None:
            return None
        people = [self._public_ids.get(one, str(one)) for one in key.person_ids]
        return {"person_ids": people, "departments": key.departments}


class IssuedSerializer(ApiKeySerializer):
    secret = serializers.CharField(read_only=True, help_text="What to send as X-API-Key, told this once.")
    example = {**ApiKeySerializer.example, "secret": "hl_k3v9q0x7m2ab_Zt0SBz8Uv6q1n3yF5hJ7kL9mP2rT4wX6zA8bC0dE1fG"}

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "secret")


class ApiKeyViewSet(Idempotent, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[ApiKey]):
    """Keys for client apps. Who holds only a key can neither see nor make keys."""

    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    permission_classes = [role("client", "admin"), WithoutKey, JustSignedIn]
    # To end a key is never too late.
    let_through = ("revoke",)
    refuses = {
        "create": ("too_many_api_keys",),
        "partial_update": ("api_key_revoked",),
        "rotate": ("api_key_revoked",),
        "revoke": (),
    }

    def get_queryset(self) -> ApiKeyQuerySet:
        return ApiKey.objects.visible_to(caller(self.request)).select_related("owner")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List API keys, the newest first: a client app its own, an admin all."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(ApiKeySerializer(page, many=True, context={"keys": page}).data)

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show an API key; of its secret nothing is shown."""
        return _shown(self.get_object())

    @extend_schema(request=ApiKeyInput, responses={201: IssuedSerializer})
    def create(self, request: Request) -> Response:
        """Make an API key; its secret is in this answer alone."""
        given = _given(ApiKeyInput(data=request.data))
        owner = _owner(given.pop("owner", None), caller(request))
        return _told(keys.create(owner=owner, actor=caller(request), **given), status.HTTP_201_CREATED)

    @extend_schema(request=ApiKeyChange, responses=ApiKeySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a key's name, scopes, end or limits."""
        key = self.get_object()
        given = _given(ApiKeyChange(data=request.data, partial=True))
        return _shown(keys.update(key=key, actor=caller(request), **given))

    @extend_schema(request=RotateInput, responses=IssuedSerializer)
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, pk: str) -> Response:
        """Give a key a new secret; the present one stays good for a while."""
        key = self.get_object()
        given = RotateInput(data=request.data)
        given.is_valid(raise_exception=True)
        overlap = timedelta(hours=given.validated_data["overlap_hours"])
        return _told(keys.rotate(key=key, actor=caller(request), overlap=overlap), status.HTTP_200_OK)

    @extend_schema(request=None, responses=ApiKeySerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:
        """End a key with all its secrets, at once and for good."""
        return _shown(keys.revoke(key=self.get_object(), actor=caller(request)))


def _given(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    given = dict(serializer.validated_data)
    if given.get("gallery"):
        given["gallery"] = _limit(given["gallery"])
    return given


def _limit(given: dict[str, list[str]]) -> GalleryLimit:
    """Return the limit with our own ids: another person may be given the caller's id of one who was erased."""
    wanted = set(given["person_ids"])
    people = list(Person.objects.named(wanted).only("id", "external_id"))
    known = {str(person.pk) for person in people} | {person.external_id for person in people}
    if any(one not in known and one.lower() not in known for one in wanted):
        raise Refusal("validation_error", "Not everybody named here is known.", attr="gallery.person_ids")
    return GalleryLimit(frozenset(person.pk for person in people), frozenset(given["departments"]))


def _owner(username: str | None, asking: User) -> User:
    if username is None or username == asking.username:
        return asking
    found = User.objects.filter(username=username).first() if asking.has_role("admin") else None
    if found is None:
        raise Refusal("validation_error", "There is no such client app.", attr="owner")
    return found


def _shown(key: ApiKey) -> Response:
    return Response(ApiKeySerializer(key, context={"keys": [key]}).data)


def _told(issued: keys.Issued, code: int) -> Response:
    issued.key.secret = issued.secret  # type: ignore[attr-defined]
    answer = IssuedSerializer(issued.key, context={"keys": [issued.key]}).data
    return Response(answer, status=code, headers={"Cache-Control": "no-store"})
