"""/uploads/: a large file in as many requests as it takes (tus 1.0), or straight to a bucket."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from heirloom.api.idempotent import Idempotent
from heirloom.api.permissions import caller, role
from heirloom.api.refusals import SEALED
from heirloom.errors import Refusal
from heirloom.uploads import quarantine, services, tus
from heirloom.uploads.arriving import CONTENT_TYPE, BrokenOffError, pieces_of
from heirloom.uploads.models import Upload

_NO_STORE = {"Cache-Control": "no-store"}
# What became of an upload while its bytes arrived.
ENDED = ("not_found", "upload_busy", "upload_gone")
# Whoever may hand something in that an upload can be used for.
ROLES = ("client", "hr", "admin")


def _header(
    name: str,
    description: str,
    *,
    required: bool = False,
    told: tuple[int, ...] = (),
    form: dict[str, object] | None = None,
) -> OpenApiParameter:
    """Describe a header of requests, or of the answers with the statuses `told`. form: what its text looks like."""
    schema, response = {"type": "string", **(form or {})}, list(told) or False
    return OpenApiParameter(
        name, schema, OpenApiParameter.HEADER, description=description, required=required, response=response
    )


NUMBER: dict[str, object] = {"pattern": "^[0-9]{1,18}$"}
RESUMABLE = _header("Tus-Resumable", "The version of the protocol.", required=True, form={"enum": [tus.VERSION]})
CHECKSUM = _header("Upload-Checksum", "`sha1` or `sha256`, a space, and the digest of this body in base64.")
BYTES = {CONTENT_TYPE: OpenApiTypes.BINARY}


class BegunAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="What `upload_id` takes once all bytes are here.")
    expires_at = serializers.DateTimeField()


class DirectInput(serializers.Serializer[Any]):
    size_bytes = serializers.IntegerField(min_value=1, help_text="Exactly as many bytes must be sent.")


class DirectAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="What `upload_id` takes once the bucket has answered.")
    method = serializers.CharField()
    url = serializers.CharField(help_text="Whoever knows it may send to it: keep it secret.")
    headers = serializers.DictField(child=serializers.CharField(), help_text="All of them must be sent.")
    expires_at = serializers.DateTimeField(help_text="The request must have begun by then.")


class TusView(APIView):
    """What every request of the protocol is held to."""

    permission_classes = [role(*ROLES)]
    also_refuses = ("tus_version_unsupported",)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Take the method from X-HTTP-Method-Override where it is sent, as the protocol wants."""
        request.method = request.headers.get("X-HTTP-Method-Override", request.method).upper()
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != tus.VERSION:
            raise Refusal("tus_version_unsupported", attr="Tus-Resumable")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = tus.VERSION
        if response.status_code == status.HTTP_412_PRECONDITION_FAILED:
            response["Tus-Version"] = tus.VERSION
        return response

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Tell what of the protocol is spoken here."""
        headers = {
            "Tus-Version": tus.VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(settings.UPLOAD_MAX_CLIP_BYTES),
            "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)


class UploadsView(TusView):
    """Uploads that may be cut off and go on."""

    refuses = ("upload_quota_reached", "upload_checksum_mismatch", *ENDED, *SEALED)

    @extend_schema(
        operation_id="uploads_create",
        request=BYTES,
        responses={201: BegunAnswer},
        parameters=[
            RESUMABLE,
            _header("Upload-Length", "All bytes that will be sent.", required=True, form=NUMBER),
            _header("Upload-Metadata", "Names and values in base64, given back and not read."),
            CHECKSUM,
            _header("Location", "Where the bytes are sent to.", told=(201,)),
            _header("Upload-Offset", "How many bytes are here, if this request brought some.", told=(201,)),
            _header("Upload-Expires", "When it is given up.", told=(201,)),
        ],
    )
    def post(self, request: Request) -> Response:
        """Begin a resumable upload (tus 1.0). The body is empty, or holds the first bytes."""
        if "Upload-Defer-Length" in request.headers:
            raise Refusal("validation_error", "The length must be told at once.", attr="Upload-Defer-Length")
        checksum = tus.checksum(request.headers.get("Upload-Checksum"))
        upload = services.create(
            owner=caller(request),
            size_bytes=tus.number(request.headers.get("Upload-Length"), header="Upload-Length"),
            metadata=tus.metadata(request.headers.get("Upload-Metadata")),
        )
        offset = {}
        if request.headers.get("Content-Type", "").lower() == CONTENT_TYPE:
            offset = {"Upload-Offset": str(_first_bytes(request, upload, checksum).offset)}
        location = {"Location": reverse("upload", args=[upload.id])}
        answer = BegunAnswer({"id": upload.id, "expires_at": upload.expires_at}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers={**location, **offset, **_expires(upload)})


class UploadView(TusView):
    """One upload; nobody but its owner finds it."""

    refuses = {
        "patch": ("upload_offset_differs", "upload_checksum_mismatch", *ENDED, *SEALED),
        "delete": ("upload_gone",),
    }

    def head(self, request: Request, upload_id: UUID) -> Response:
        """Tell how many bytes are here."""
        upload = self._resumable(request, upload_id)
        services.require_open(upload)
        told = {"Upload-Offset": str(upload.offset), "Upload-Length": str(upload.size_bytes)}
        if metadata := services.metadata_of(upload):
            told["Upload-Metadata"] = metadata
        return Response(headers={**told, **_NO_STORE, **_expires(upload)})

    @extend_schema(
        request=BYTES,
        parameters=[
            RESUMABLE,
            _header("Upload-Offset", "How many bytes are here already.", required=True, form=NUMBER),
            CHECKSUM,
            _header("Upload-Offset", "How many bytes are here now.", told=(204,)),
            _header("Upload-Expires", "When it is given up.", told=(204,)),
        ],
        responses={204: OpenApiResponse(description="The bytes are here.")},
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        """Send bytes from an offset on; `HEAD` at the same address tells where to go on after a break.

        Of a body that breaks off, all that arrived stays, but with a checksum nothing does.
        """
        if request.headers.get("Content-Type", "").lower() != CONTENT_TYPE:
            raise UnsupportedMediaType(request.headers.get("Content-Type", ""))
        offset = tus.number(request.headers.get("Upload-Offset"), header="Upload-Offset")
        checksum = tus.checksum(request.headers.get("Upload-Checksum"))
        upload = self._resumable(request, upload_id)
        try:
            upload = _received(request, upload, offset, checksum)
        except BrokenOffError:
            # Whoever hung up hears no answer, so any will do.
            return Response(status=status.HTTP_204_NO_CONTENT)
        told = {"Upload-Offset": str(upload.offset), **_expires(upload)}
        return Response(status=status.HTTP_204_NO_CONTENT, headers=told)

    @extend_schema(parameters=[RESUMABLE], responses={204: None})
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Give an upload up, a direct one too, with all its bytes."""
        upload = Upload.objects.visible_to(caller(request)).filter(pk=upload_id).first()
        if upload is None:
            raise Refusal("not_found")
        services.end(upload=upload)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _resumable(self, request: Request, upload_id: UUID) -> Upload:
        own = Upload.objects.visible_to(caller(request)).filter(pk=upload_id, way=Upload.Way.RESUMABLE).first()
        if own is None:
            raise Refusal("not_found")
        return own


class DirectUploadView(Idempotent):
    """Uploads that go straight to a bucket."""

    refuses = ("direct_upload_unavailable", "upload_quota_reached", "storage_unavailable")

    permission_classes = [role(*ROLES)]

    @extend_schema(request=DirectInput, responses={201: DirectAnswer})
    def post(self, request: Request) -> Response:
        """Get the address of a bucket to send one file to, for a quarter of an hour and of exactly this length."""
        given = DirectInput(data=request.data)
        given.is_valid(raise_exception=True)
        bucket, size_bytes = quarantine.bucket(), given.validated_data["size_bytes"]
        upload = services.create(owner=caller(request), size_bytes=size_bytes, way=Upload.Way.DIRECT)
        signed = bucket.sign(upload.storage_name, size_bytes=size_bytes)
        answer = DirectAnswer({"id": upload.id, **_fields(signed)}).data
        return Response(answer, status=status.HTTP_201_CREATED, headers=_NO_STORE)


def _received(request: Request, upload: Upload, offset: int, checksum: tus.Checksum | None) -> Upload:
    coming = int(request.headers.get("Content-Length") or 0)
    return services.receive(
        upload=upload, offset=offset, coming_bytes=coming, pieces=pieces_of(request), checksum=checksum
    )


def _first_bytes(request: Request, upload: Upload, checksum: tus.Checksum | None) -> Upload:
    """Receive what comes with the beginning. If that fails, nobody has learned of the upload, and it ends."""
    try:
        return _received(request, upload, 0, checksum)
    except BrokenOffError:
        services.end(upload=upload)
        return upload
    except Refusal:
        services.end(upload=upload)
        raise


def _expires(upload: Upload) -> dict[str, str]:
    return {"Upload-Expires": tus.expires(upload.expires_at)}


def _fields(signed: quarantine.Signed) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": signed.headers,
        "expires_at": signed.expires_at,
    }
