"""What files say beside their pictures: where they were taken, and what harms whoever reads it."""

import struct
import zlib
from collections.abc import Iterator

import PIL.Image

from tests.media.hostile.bases import H264, STILLS, clip, coded, picture, remade, still, written
from tests.media.hostile.made import ACCEPTED, Bait, Hostile, all_meet
from tests.media.hostile.parts import (
    box,
    chunk,
    long,
    png,
    segment,
    tiff,
    with_chunk,
    with_segments,
)

SECRET = "Elm Street 1428, 47.6062 N"
"""Stands in every file of `places`, and may stand in nothing that is kept of its picture."""
ICC_START = b"ICC_PROFILE\0"
GPS_DIRECTORY, EXIF_DIRECTORY, MAKER_NOTE, ORIENTATION = 0x8825, 0x8769, 0x927C, 0x0112


def places(_bait: Bait) -> Iterator[Hostile]:
    """Where a photo or clip was taken: EXIF, XMP, IPTC, text and location tags."""
    yield from all_meet(
        ACCEPTED,
        {f"exif.{kind}": written(picture(), form, exif=_gps()) for kind, form in STILLS.items() if kind != "bmp"},
    )
    jpg = still("jpg")
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><exif:GPSLatitude>{SECRET}</exif:GPSLatitude></x:xmpmeta>'.encode()
    thumbnail = tiff((0x0201, 4, 1, long(26)), rest=SECRET.encode() + jpg)
    files = {
        "xmp.jpg": with_segments(jpg, _xmp(packet)),
        "iptc.jpg": with_segments(
            jpg, segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack("!I", 64) + SECRET.encode())
        ),
        "comment.jpg": with_segments(jpg, segment(0xFE, SECRET.encode())),
        "thumbnail.jpg": with_segments(jpg, segment(0xE1, b"Exif\0\0" + thumbnail)),
        "text.png": with_chunk(still("png"), chunk(b"tEXt", b"Location\0" + SECRET.encode())),
        "behind.jpg": jpg + SECRET.encode(),
    }
    yield from all_meet(ACCEPTED, files)
    told = (
        "-c",
        "copy",
        "-metadata",
        f"location={SECRET}",
        "-metadata",
        f"comment={SECRET}",
        "-metadata",
        f"title={SECRET}",
    )
    for name in ("faststart.mp4", "plain.mov", "plain.mkv", "plain.webm", "plain.avi"):
        tagged = remade(clip(name), name, *told, *(("-movflags", "use_metadata_tags") if name.endswith(".mov") else ()))
        yield Hostile(f"tags_{name}", tagged, (ACCEPTED,))
    yield Hostile(
        "sei.mp4",
        coded(
            "a.mp4",
            *H264,
            "-bsf:v",
            f"h264_metadata=sei_user_data={'a1' * 16}+{SECRET.replace(',', '').replace(' ', '_')}",
        ),
        (ACCEPTED,),
    )


def exif_bombs(_bait: Bait) -> Iterator[Hostile]:
    """Directories that name themselves, counts of four thousand millions, tags of the wrong type."""
    circle = tiff((EXIF_DIRECTORY, 4, 1, long(8)), (GPS_DIRECTORY, 4, 1, long(8)), following=8)
    bombs = {
        "circle": circle,
        "count": tiff((0x010F, 2, 2**32 - 1, long(26))),
        "counts": tiff(*((tag, 5, 2**31, long(8)) for tag in range(0x9000, 0x9400))),
        "entries": b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(60_000),
        "beyond": b"II*\0" + long(2**32 - 1),
        "order": b"XX*\0" + long(8),
        "zero": tiff((0x011A, 5, 1, long(26)), rest=bytes(8)),
        "turned": tiff((ORIENTATION, 3, 1, long(9))),
        "turned_text": tiff((ORIENTATION, 2, 4, b"6\0\0\0")),
        "turned_many": tiff((ORIENTATION, 3, 30_000, long(26)), rest=bytes(60_000)),
        "turned_real": tiff((ORIENTATION, 12, 1, long(26)), rest=struct.pack("<d", float("nan"))),
        "unknown": tiff(*((tag, 99, 1, bytes(4)) for tag in range(300))),
        "note": tiff((MAKER_NOTE, 7, 60_000, long(26)), rest=b"Nikon\0\2" + bytes(60_000)),
        "nothing": b"",
    }
    for name, bomb in bombs.items():
        yield Hostile(f"{name}.jpg", with_segments(still("jpg"), segment(0xE1, b"Exif\0\0" + bomb)), (ACCEPTED,))
    large = tiff((MAKER_NOTE, 7, 2**24, long(26)), rest=bytes(2**24))
    yield Hostile("large.png", with_chunk(still("png"), chunk(b"eXIf", large)), (ACCEPTED,))
    yield Hostile("circle.png", with_chunk(still("png"), chunk(b"eXIf", circle)), (ACCEPTED,))
    yield Hostile("circle.webp", written(picture(), "WEBP", exif=circle), (ACCEPTED,))


def profile_bombs(_bait: Bait) -> Iterator[Hostile]:
    """Color profiles that unfold, lack parts, or are not of these colors."""
    packed = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2**26), 9))
    yield Hostile("unfolds.png", with_chunk(still("png"), packed), (ACCEPTED, "invalid_image"))
    yield Hostile("unfolds_large.png", png(64, 64, packed), (ACCEPTED, "invalid_image"))
    yield Hostile(
        "not_packed.png", with_chunk(still("png"), chunk(b"iCCP", b"p\0\0garbage")), (ACCEPTED, "invalid_image")
    )
    parts = {
        "missing": [(1, 255)],
        "twice": [(1, 2), (1, 2)],
        "zero": [(0, 0)],
        "beyond": [(9, 2)],
        "many": [(number, 255) for number in range(1, 256)],
    }
    for name, numbers in parts.items():
        segments = [segment(0xE2, ICC_START + bytes([number, of]) + bytes(60_000)) for number, of in numbers]
        yield Hostile(f"{name}.jpg", with_segments(still("jpg"), *segments), (ACCEPTED,))
    vast = long(2**32 - 1)[::-1] + b"lcms\x02\x10\0\0mntrCMYKLab " + bytes(104)
    yield Hostile("colors.jpg", written(picture(), "JPEG", icc_profile=vast), (ACCEPTED,))
    yield Hostile("colors.webp", written(picture(), "WEBP", icc_profile=vast), (ACCEPTED,))
    yield Hostile("colors.tiff", written(picture(), "TIFF", icc_profile=vast), (ACCEPTED,))


def entities(bait: Bait) -> Iterator[Hostile]:
    """XMP packets with external and with multiplying entities."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    billion = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x:xmpmeta>&l9;</x:xmpmeta>'
    for name, text in (("billion", billion), *((f"outside_{n}", _outside(url)) for n, url in enumerate(bait.urls))):
        packet = f"<?xpacket begin=''?>{text}".encode()
        yield from all_meet(
            ACCEPTED,
            {
                f"{name}.jpg": with_segments(still("jpg"), _xmp(packet)),
                f"{name}.png": with_chunk(still("png"), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)),
                f"{name}.webp": written(picture(), "WEBP", xmp=packet),
                f"{name}.tiff": written(picture(), "TIFF", tiffinfo={700: packet}),
                f"{name}.mov": clip("plain.mov")
                + box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), packet),
            },
        )


def _outside(url: str) -> str:
    return f'<!DOCTYPE x [<!ENTITY e SYSTEM "{url}">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&e;</x:xmpmeta>'


def _xmp(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def _gps() -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    exif[0x010E] = SECRET
    exif.get_ifd(GPS_DIRECTORY).update(
        {1: "N", 2: (47.0, 36.0, 22.0), 3: "W", 4: (122.0, 19.0, 55.0), 0x1B: SECRET.encode()}
    )
    return exif
