"""What files say of their makers, made short and printable. Runs in the limited child process only."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

import PIL.Image

from heirloom.media.types import Provenance

LONGEST_TAG = 64
MOST_PROGRAMS = 8
# Container tags as FFmpeg names them: QuickTime's own keys, Android's, then the general ones.
MAKE_TAGS = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
MODEL_TAGS = ("com.apple.quicktime.model", "com.android.model", "model")
SOFTWARE_TAGS = ("com.apple.quicktime.software", "software", "encoder", "handler_name")
EXIF_MAKE, EXIF_MODEL, EXIF_SOFTWARE = 0x010F, 0x0110, 0x0131
XMP_TIFF_TAG = 700
XMP_FIELDS = ("xmp", "XML:com.adobe.xmp")
"""Where Pillow keeps a photo's XMP packet: JPEG, WEBP and HEIC; PNG."""
_CREATOR_TOOL = re.compile(r"xmp:CreatorTool(?:\s*=\s*[\"']|\s*>)([^\"'<]{1,256})")


def of_clip(tags: Iterable[Mapping[str, str]]) -> Provenance:
    """Return what a clip's tags say. tags: those of the container, then of each stream, as FFmpeg names them."""
    lowered = [{name.lower(): value for name, value in one.items()} for one in tags]
    return Provenance(
        make=_first(one.get(name) for one in lowered for name in MAKE_TAGS),
        model=_first(one.get(name) for one in lowered for name in MODEL_TAGS),
        software=_each_once(one.get(name) for one in lowered for name in SOFTWARE_TAGS),
    )


def of_photo(opened: PIL.Image.Image) -> Provenance:
    """Return what a loaded photo's EXIF, text fields and XMP say."""
    exif, info = opened.getexif(), opened.info
    packet = next((info[name] for name in XMP_FIELDS if name in info), exif.get(XMP_TIFF_TAG, b""))
    return Provenance(
        make=_first([exif.get(EXIF_MAKE), info.get("Make")]),
        model=_first([exif.get(EXIF_MODEL), info.get("Model")]),
        software=_each_once([exif.get(EXIF_SOFTWARE), info.get("Software"), _creator_tool(packet)]),
    )


def held(told: Mapping[str, object]) -> Provenance:
    """Rebuild what a child process answered, holding each part to its type and length again."""
    software = told["software"]
    return Provenance(
        _clean(told["make"]), _clean(told["model"]), _each_once(software if isinstance(software, list) else [])
    )


def _first(values: Iterable[object]) -> str:
    return next(filter(None, map(_clean, values)), "")


def _each_once(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(_clean, values))))[:MOST_PROGRAMS]


def _clean(value: object) -> str:
    """Return a tag on one line without control characters; "" for what is no text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    shown = (" " if unicodedata.category(each)[0] in "CZ" else each for each in value[: 4 * LONGEST_TAG])
    return " ".join("".join(shown).split())[:LONGEST_TAG].strip()


def _creator_tool(packet: object) -> str | None:
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else packet
    found = _CREATOR_TOOL.search(text) if isinstance(text, str) else None
    return found[1] if found else None
