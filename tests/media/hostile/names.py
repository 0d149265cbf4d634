"""Honest files under names that mean something elsewhere."""

from collections.abc import Iterator

from tests.media.hostile.bases import clip, still
from tests.media.hostile.made import ACCEPTED, Bait, Hostile

NAMES = (
    *(
        "/dev/zero",
        "/dev/stdin",
        "/dev/fd/0",
        "/proc/self/environ",
        "../../../../etc/passwd",
        "..\\..\\boot.ini",
        "C:\\CON",
    ),
    *("-i", "-f lavfi", "%03d", "concat:a|b", "http://127.0.0.1/", "file:///etc/passwd", "pipe:0", "fd:", "data:,x"),
    *("$(id)", "`id`", "a;id", "a\nb", '"><script>', "x" * 300, ".", "ü\u202ephoto"),
)


def of_devices(_bait: Bait) -> Iterator[Hostile]:
    """Devices, paths upward, options, protocols, commands."""
    for number, name in enumerate(NAMES):
        extension = ("jpg", "mp4")[number % 2]
        data = still("jpg") if extension == "jpg" else clip("faststart.mp4")
        yield Hostile(f"{name}.{extension}" if number % 3 else name, data, (ACCEPTED,))
