"""What the first bytes of a file say it is. Names and declared types are the sender's to choose, so neither counts."""

from heirloom.errors import Refusal
from heirloom.media.types import MediaType

SNIFF_BYTES = 4096
"""How much of the start `sniff` looks at, at most."""

JPEG = MediaType("image", "image/jpeg", "jpg")
PNG = MediaType("image", "image/png", "png")
BMP = MediaType("image", "image/bmp", "bmp")
TIFF = MediaType("image", "image/tiff", "tiff")
WEBP = MediaType("image", "image/webp", "webp")
HEIC = MediaType("image", "image/heic", "heic")
MP4 = MediaType("video", "video/mp4", "mp4")
M4V = MediaType("video", "video/x-m4v", "m4v")
MOV = MediaType("video", "video/quicktime", "mov")
GPP = MediaType("video", "video/3gpp", "3gp")
MKV = MediaType("video", "video/x-matroska", "mkv")
WEBM = MediaType("video", "video/webm", "webm")
AVI = MediaType("video", "video/x-msvideo", "avi")

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_CONTAINERS = {b"mif1", b"msf1", b"mif2", b"miaf"}
_OTHER_BRANDS = {b"avif", b"avis", b"crx ", b"jp2 ", b"jpx ", b"jxl ", b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "}
_BARE_QUICKTIME_ATOMS = {b"moov", b"mdat", b"wide", b"pnot"}
_BMP_HEADER_BYTES = {12, 16, 40, 52, 56, 64, 108, 124}


def sniff(head: bytes) -> MediaType:
    """Return the type of a file from its first SNIFF_BYTES bytes (fewer if the file is shorter).

    Raises Refusal empty_file, or unsupported_format for everything that is not one of the types above.
    """
    if not head:
        raise Refusal("empty_file")
    head = head[:SNIFF_BYTES]
    found = _still(head) or _riff(head) or _matroska(head) or _base_media(head)
    if found is None:
        raise Refusal("unsupported_format")
    return found


def _still(head: bytes) -> MediaType | None:
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith((b"II*\0", b"MM\0*")):
        return None if head[8:10] == b"CR" else TIFF  # Canon's raw files borrow TIFF's start
    if head.startswith(b"BM") and head[6:10] == bytes(4) and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return BMP
    return None


def _riff(head: bytes) -> MediaType | None:
    if head.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"AVI ": AVI}.get(head[8:12])
    return None


def _matroska(head: bytes) -> MediaType | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    doctype = head[:256]
    if b"webm" in doctype:
        return WEBM
    return MKV if b"matroska" in doctype else None


def _base_media(head: bytes) -> MediaType | None:
    atom, brand = head[4:8], head[8:12]
    if atom != b"ftyp":
        return MOV if atom in _BARE_QUICKTIME_ATOMS else None
    if brand in _HEIC_BRANDS or brand in _HEIF_CONTAINERS:
        return _heif(brand, head)
    if brand in _OTHER_BRANDS:
        return None
    if brand == b"qt  ":
        return MOV
    if brand[:3] in {b"3gp", b"3g2"}:
        return GPP
    return M4V if brand[:3] == b"M4V" else MP4


def _heif(brand: bytes, head: bytes) -> MediaType | None:
    box = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {brand} | {head[at : at + 4] for at in range(16, box - 3, 4)}
    return HEIC if brands & _HEIC_BRANDS else None  # otherwise AVIF or the like under a general brand
