"""Images as client apps send them: base64 in JSON."""

import base64
import binascii
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from rest_framework import serializers

from heirloom.errors import Refusal
from heirloom.media.image import read_still
from heirloom.media.limits import Limits
from heirloom.media.types import Still


class Base64ImageField(serializers.CharField):
    """An image in base64, a data URL's prefix allowed; its value is the decoded bytes."""

    def __init__(self, **options: Any) -> None:
        # An empty image is refused by its own code, like an empty file.
        super().__init__(allow_blank=True, **options)
        # A text field's own validators look at every character of the value: 0.1 s for a photo of 12 megapixels.
        self.validators = []

    def to_internal_value(self, data: Any) -> bytes:  # type: ignore[override]
        text = super().to_internal_value(data)
        encoded = text.partition(",")[2] if text.startswith("data:") else text
        try:
            return base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refusal("invalid_image", "This is not base64.", attr=self.field_name) from error


def refuse_other_model_later(attrs: dict[str, Any]) -> None:
    """Work that is done later is done by the active pack.

    Raises ValidationError when another model is asked for; what existing clients send by default is not asking.
    """
    if attrs["processing_mode"] == "async" and attrs["model_name"].lower() not in {"auto", "facenet", "adaface"}:
        raise serializers.ValidationError({"model_name": "A model can be chosen only in processing_mode sync."})


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
