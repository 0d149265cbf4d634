"""Small files that unfold: in memory, in time, in frames."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from fractions import Fraction

import av

from tests.media.hostile.bases import coded, picture, still, written
from tests.media.hostile.made import ACCEPTED, Bait, Hostile
from tests.media.hostile.parts import (
    box,
    chunk,
    gray_tiff,
    long,
    png,
    riff,
    riff_chunk,
    segment,
    swapped,
    with_chunk,
    with_segments,
)

SIDE = 20_000
"""Four hundred megapixels, eight times what is taken."""


def unfolding(_bait: Bait) -> Iterator[Hostile]:
    """Pictures of far more pixels, or text, than bytes."""
    yield Hostile("zeros.png", png(SIDE, SIDE), ("too_many_pixels",))
    yield Hostile("wide.png", png(500_000, 200), ("too_many_pixels",))
    yield Hostile("deep.png", png(2_000, 2_000, depth=16, color=6), (ACCEPTED,))
    yield Hostile("text.png", with_chunk(still("png"), chunk(b"zTXt", b"a\0\0" + _zeros(2**26))), ("invalid_image",))
    texts = b"".join(chunk(b"zTXt", b"%d\0\0" % n + _zeros(2**20 - 1)) for n in range(80))
    yield Hostile("texts.png", with_chunk(still("png"), texts), ("invalid_image",))
    yield Hostile("deflated.tiff", gray_tiff(SIDE, SIDE, compression=8, data=_zeros(2**24)), ("too_many_pixels",))
    yield Hostile("more_than_said.tiff", gray_tiff(64, 64, compression=8, data=_zeros(2**26)), (ACCEPTED,))
    yield Hostile("packed.tiff", gray_tiff(7_000, 7_000, compression=32773, data=b"\x81\0" * 400_000), (ACCEPTED,))
    canvas = riff_chunk(b"VP8X", struct.pack("<I", 0) + b"\xff" * 6)
    yield Hostile("canvas.webp", riff(b"WEBP", canvas), ("too_many_pixels",))
    yield Hostile("runs.bmp", _run_length_bmp(SIDE, SIDE, b"\xff\0" * 1000), ("too_many_pixels",))
    yield Hostile("jumps.bmp", _run_length_bmp(7_000, 7_000, b"\0\2\xff\xff" * 30), (ACCEPTED,))
    yield Hostile("canvas.gif", b"GIF89a" + struct.pack("<HH", 65535, 65535) + bytes(20), ("unsupported_format",))
    yield Hostile("tiles.heic", swapped(still("heic"), *_heic_size(60_000, 60_000)), ("too_many_pixels",))
    yield Hostile("zip_behind.jpg", still("jpg") + _zip_bomb(), (ACCEPTED,))


def animated(_bait: Bait) -> Iterator[Hostile]:
    """Moving pictures sent as photos: the first picture is read and no other."""
    frames = [picture().rotate(turn) for turn in range(40)]
    yield Hostile("many.png", written(frames[0], "PNG", save_all=True, append_images=frames), (ACCEPTED,))
    yield Hostile("many.webp", written(frames[0], "WEBP", save_all=True, append_images=frames), (ACCEPTED,))
    yield Hostile("many.tiff", written(frames[0], "TIFF", save_all=True, append_images=frames), (ACCEPTED,))
    yield Hostile("many.jpg", written(frames[0], "MPO", save_all=True, append_images=frames), (ACCEPTED,))
    yield Hostile(
        "many.gif", written(frames[0], "GIF", save_all=True, append_images=frames[:4]), ("unsupported_format",)
    )
    endless = chunk(b"acTL", struct.pack("!II", 2**31 - 1, 0))
    yield Hostile("endless.png", with_chunk(still("png"), endless), (ACCEPTED,))
    counted = segment(0xE2, b"MPF\0II*\0" + long(8) + struct.pack("<HHHII", 1, 0xB001, 4, 1, 2**32 - 1) + long(0))
    yield Hostile("counted.jpg", with_segments(still("jpg"), counted), (ACCEPTED,))
    following = gray_tiff(16, 16, data=bytes(256)).replace(long(0) + bytes(256), long(8) + bytes(256))
    yield Hostile("circle.tiff", following, (ACCEPTED,))


def endless(_bait: Bait) -> Iterator[Hostile]:
    """Files that take long to decode, for their size."""
    yield Hostile("scans.jpg", scans(7_000, 7_000, 4_000), ("too_much_cpu_time", "too_much_time"))
    yield Hostile("markers.jpg", with_segments(still("jpg"), segment(0xFE, b"") * 3_000_000), ("too_much_cpu_time",))
    yield Hostile("pictures.mkv", pictures(4096, 2304, 14_400), ("too_much_cpu_time",))
    yield Hostile("chunks.png", with_chunk(still("png"), chunk(b"abCd", b"") * 1_500_000), ("too_much_cpu_time",))


def scans(width: int, height: int, count: int) -> bytes:
    """Return a progressive JPEG that goes over all its blocks again in each of its scans, for some bytes a scan."""
    frame = segment(0xC2, struct.pack("!BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    table = segment(0xDB, b"\0" + b"\1" * 64)
    # One code of one bit for each table: of the first scan "no difference", of the others "nothing in 2**14 blocks".
    direct = segment(0xC4, b"\0" + b"\1" + bytes(15) + b"\0")
    runs = segment(0xC4, b"\x10" + b"\1" + bytes(15) + b"\xe0")
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    first = segment(0xDA, bytes([1, 1, 0, 0, 0, 0x00])) + bytes(-(-blocks // 8))
    run_bits = "0" + "1" * 14  # the code, and the bits that make it 2**15 - 1 blocks
    bits = run_bits * -(-blocks // (2**15 - 1))
    coded = (
        int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big").replace(b"\xff", b"\xff\0")
    )
    again = segment(0xDA, bytes([1, 1, 0, 1, 63, 0x00])) + coded
    return b"\xff\xd8" + table + frame + direct + first + runs + again * count + b"\xff\xd9"


def pictures(width: int, height: int, count: int) -> bytes:
    """Return a clip of one picture and then the same few bytes over and over: "as before", for a whole 4K picture."""
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-frames:v", "2", "-pix_fmt", "yuv420p")
    made, held = coded("a.mkv", *coding, source=f"color=gray:size={width}x{height}:rate=240:duration=1"), io.BytesIO()
    with (
        av.open(io.BytesIO(made)) as source,
        av.open(held, "w", format="matroska", options={"fflags": "bitexact"}) as target,
    ):
        first, second = (packet for packet in source.demux(video=0) if packet.size)
        stream = target.add_stream_from_template(source.streams.video[0])
        for number in range(count):
            packet = av.Packet(bytes(second if number else first))
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 1000), number == 0
            packet.pts = packet.dts = number * 1000 // 240
            target.mux(packet)
    return held.getvalue()


def _zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def _run_length_bmp(width: int, height: int, runs: bytes) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0) + bytes(1024)
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(runs), 0, 0, start) + header + runs


def _heic_size(width: int, height: int) -> tuple[bytes, bytes]:
    wide, high = picture().size
    return box(b"ispe", bytes(4), struct.pack("!II", wide, high)), box(
        b"ispe", bytes(4), struct.pack("!II", width, height)
    )


def _zip_bomb() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for number in range(20):
            archive.writestr(zipfile.ZipInfo(f"{number}.bin"), bytes(2**20), zipfile.ZIP_DEFLATED)
    return held.getvalue()
