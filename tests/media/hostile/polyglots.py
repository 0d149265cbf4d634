"""Files that are two things at once, and files that are something else altogether."""

import io
import zipfile
from collections.abc import Iterator

from tests.media.hostile.bases import clip, picture, still, written
from tests.media.hostile.films import Movie
from tests.media.hostile.made import ACCEPTED, Bait, Hostile, all_meet
from tests.media.hostile.parts import box, brand, chunk, riff_chunk, segment, with_chunk, with_segments

PAGE = b"<!doctype html><script>fetch('http://example.invalid/')</script>"
PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/URI/URI(http://example.invalid/)>>>>endobj\n%%EOF\n"


def zipped() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "Main-Class: Run\n")
        archive.writestr(zipfile.ZipInfo("../../escaped.txt"), "out")
    return held.getvalue()


def twofold(_bait: Bait) -> Iterator[Hostile]:
    """A photo or clip first, and something else behind or inside it."""
    jpg, mp4 = still("jpg"), clip("faststart.mp4")
    yield from all_meet(
        ACCEPTED,
        {
            "photo.jpg.zip": jpg + zipped(),
            "photo.html": with_chunk(still("png"), chunk(b"tEXt", b"Comment\0" + PAGE)),
            "behind.html": still("png") + PAGE,
            "comment.html.jpg": with_segments(jpg, segment(0xFE, PAGE)),
            "comment.php.jpg": with_segments(jpg, segment(0xFE, b"<?php system($_GET['c']); ?>")),
            "moving.jpg": jpg + mp4,
            "program.webp": still("webp") + b"\x7fELF" + bytes(64),
            "script.bmp": still("bmp") + b"*/=1;alert(1)",
            "page.mp4": mp4 + box(b"free", PAGE),
            "document.mov": bytes(Movie(start=brand(b"qt  ") + box(b"free", PDF))),
            "archive.mp4": mp4 + zipped(),
            "archive.avi": clip("plain.avi") + riff_chunk(b"JUNK", zipped()),
            "archive.mkv": clip("plain.mkv") + zipped(),
        },
    )
    yield from all_meet(
        "unsupported_format",
        {
            "gifar.gif": written(picture(), "GIF") + zipped(),
            "document.jpg": PDF + jpg,
            "page.jpg": PAGE + jpg,
            "archive.jpg": zipped() + jpg,
            "late.mp4": b"\n" + mp4,
        },
    )
    yield Hostile("script.jpg", b"\xff\xd8\xff\xe0/*" + bytes(64) + b"*/=1;alert(1)/*" + jpg, ("invalid_image",))


def documents(bait: Bait) -> Iterator[Hostile]:
    """Drawings, pages and scripts that a general converter would open, and run what they ask for."""
    url, canary = bait.urls[0], str(bait.canary)
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="{}" width="9" height="9"/></svg>'
    entity = f'<!DOCTYPE svg [<!ENTITY e SYSTEM "{bait.canary.as_uri()}">]><svg>&e;</svg>'
    yield from all_meet(
        "unsupported_format",
        {
            "file.svg": svg.format(bait.canary.as_uri()).encode(),
            "address.svg": svg.format(url).encode(),
            "entity.svg": f'<?xml version="1.0"?>{entity}'.encode(),
            "svg.jpg": svg.format(url).encode(),
            "drawing.mvg": f"push graphic-context\nimage over 0,0 0,0 '{url}'\npop graphic-context".encode(),
            "label.mvg": f"push graphic-context\ntext 0,0 '@{canary}'\npop graphic-context".encode(),
            "script.msl": f'<image><read filename="{canary}"/><write filename="/tmp/out.php"/></image>'.encode(),
            "delegate.jpg": f"push graphic-context\nfill 'url({url}\"|id\")'\npop graphic-context".encode(),
            "page.html": PAGE,
            "html.jpg": b"<html><img src=" + url.encode() + b"></html>",
            "document.pdf": PDF,
            "page.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n(" + canary.encode() + b") (r) file\n",
            "page.rtf": b"{\\rtf1\\object\\objautlink " + url.encode() + b"}",
            "dos.eps": b"\xc5\xd0\xd3\xc6" + bytes(28),
            "text.txt": canary.encode(),
        },
    )


def archives(_bait: Bait) -> Iterator[Hostile]:
    """Archives and programs."""
    yield from all_meet(
        "unsupported_format",
        {
            "a.zip": zipped(),
            "a.gz": b"\x1f\x8b\x08" + bytes(29),
            "a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(26),
            "a.rar": b"Rar!\x1a\x07\x01\0" + bytes(24),
            "a.tar": b"a.jpg".ljust(257, b"\0") + b"ustar\x0000" + bytes(248),
            "a.elf": b"\x7fELF\x02\x01\x01" + bytes(57),
            "a.exe": b"MZ" + bytes(62),
            "a.class": b"\xca\xfe\xba\xbe" + bytes(28),
            "a.sh": b"#!/bin/sh\nid\n",
            "a.pickle": b"\x80\x04cos\nsystem\n(S'id'\ntR.",
            "a.sqlite": b"SQLite format 3\0" + bytes(84),
            "a.wasm": b"\0asm\x01\0\0\0",
        },
    )


def other_formats(_bait: Bait) -> Iterator[Hostile]:
    """Pictures, films and sound in formats that are not taken, whatever they are called."""
    yield from all_meet(
        "unsupported_format",
        {
            "a.gif": written(picture(), "GIF"),
            "a.ico": written(picture(), "ICO"),
            "a.jp2": written(picture(), "JPEG2000"),
            "a.ppm": written(picture(), "PPM"),
            "a.pcx": written(picture(), "PCX"),
            "a.dds": written(picture(), "DDS"),
            "a.tga": written(picture(), "TGA"),
            "a.psd": b"8BPS\0\1" + bytes(26),
            "a.exr": b"v/1\x01" + bytes(28),
            "a.avif": brand(b"avif", b"mif1", b"miaf") + box(b"meta", bytes(4)),
            "a.jxl": box(b"JXL ", b"\r\n\x87\n") + brand(b"jxl "),
            "raw.tiff": b"II*\0\x10\0\0\0CR\x02\0" + bytes(32),
            "a.wav": b"RIFF\x24\0\0\0WAVEfmt " + bytes(28),
            "a.m4a": brand(b"M4A ") + box(b"mdat"),
            "a.mp3": b"ID3\x04" + bytes(28),
            "a.ogg": b"OggS\0\2" + bytes(58),
            "a.flv": b"FLV\x01\x05\0\0\0\x09" + bytes(23),
            "a.ts": (b"G@\0\x10" + bytes(184)) * 3,
            "a.mpg": b"\0\0\1\xba" + bytes(60),
            "a.wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(56),
            "a.h264": b"\0\0\0\1\x67\x42" + bytes(58),
            "a.y4m": b"YUV4MPEG2 W2 H2 F25:1\nFRAME\n" + bytes(6),
            "a.mkv": b"\x1a\x45\xdf\xa3\x84what",
        },
    )
