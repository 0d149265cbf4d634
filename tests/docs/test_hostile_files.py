"""docs/hostile-files.md says what the hostile files are."""

from pathlib import Path

from heirloom.media.limits import DEFAULT_LIMITS
from tests.media.hostile.__main__ import table
from tests.media.hostile.made import Bait

PAGE = Path(__file__).parents[2] / "docs" / "hostile-files.md"


def test_the_table_of_hostile_files_is_current(tmp_path: Path) -> None:
    canary = tmp_path / "canary.jpg"
    canary.write_bytes(b"nobody may read this")

    rows = table(Bait(canary, ("127.0.0.1:9",)))

    assert PAGE.read_text(encoding="utf-8").endswith("\n".join(rows) + "\n")


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    limits, page = DEFAULT_LIMITS, PAGE.read_text(encoding="utf-8")
    still, probe, frames = limits.still, limits.probe, limits.frames

    for row in (
        f"| {limits.max_pixels // 10**6} million; {limits.max_clip_side} | `too_many_pixels` |",
        f"| {limits.max_packets:,} | `too_many_frames` |",
        f"| {still.cpu_s} s a photo, {probe.cpu_s} s for a clip's facts, {frames.cpu_s} s for its frames |",
        f"| {still.wall_s:g} s, {probe.wall_s:g} s, {frames.wall_s:g} s | `too_much_time` |",
        "| " + ", ".join(f"{each.memory_mb / 1024:g} GB" for each in (still, probe, frames)) + " |",
    ):
        assert row in page
    assert f"less than {limits.min_decoded_share:.0%}".replace("%", " %") in page
