"""Images as client apps send them: base64 in JSON."""

import base64
import binascii
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from heirloom.errors import Refusal
from heirloom.media.image import read_still
from heirloom.media.limits import Limits
from heirloom.media.types import Still


@extend_schema_field({"type": "string", "format": "byte", "description": "Base64; a data URL's prefix is allowed."})
class Base64ImageField(serializers.CharField):
    """An image in base64; its value is the decoded bytes."""

    def __init__(self, **options: Any) -> None:
        # An empty image is refused by its own code, like an empty file.
        super().__init__(allow_blank=True, **options)
        # A text field's own validators look at every character of the value: 0.1 s for a photo of 12 megapixels.
        self.validators = []

    def to_internal_value(self, data: Any) -> bytes:  # type: ignore[override]
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return decoded(super().to_internal_value(data))
        except (binascii.Error, ValueError) as error:
            raise Refusal("invalid_image", "This is not base64.", attr=self.field_name) from error


def decoded(text: str) -> bytes:
    """Return the bytes of base64: plain or URL-safe, padded or not, with line breaks, behind a data URL's prefix.

    Raises ValueError.
    """
    encoded = text.partition(",")[2] if text[:5].lower() == "data:" else text
    plain = "".join(encoded.split()).replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def photo_limits() -> Limits:
    return Limits(max_image_bytes=settings.UPLOAD_MAX_PHOTO_BYTES)


def read_photo(data: bytes, *, attr: str) -> Still:
    """Decode a photo; a Refusal names the field at fault."""
    try:
        return read_still(data, photo_limits())
    except Refusal as refusal:
        refusal.attr = attr
        raise


def read_photos(photos: Mapping[str, bytes]) -> list[Still]:
    """Decode photos side by side, given by their field names and in that order; raises as `read_photo` does."""
    with ThreadPoolExecutor(max_workers=len(photos)) as pool:
        return list(pool.map(lambda field: read_photo(photos[field], attr=field), photos))
