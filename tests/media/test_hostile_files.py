"""Every hostile file meets its documented code, and nothing else happens. What they are: docs/hostile-files.md."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from heirloom.errors import CODES, Refusal
from heirloom.media import sandbox
from heirloom.media.image import encode_jpeg, read_still
from heirloom.media.limits import Allowance, Limits
from heirloom.media.sniff import SNIFF_BYTES, sniff
from heirloom.media.types import Image, Provenance
from heirloom.media.video import is_whole, probe, sample
from tests.media.conftest import lying_about
from tests.media.hostile.bases import still
from tests.media.hostile.corpus import KINDS
from tests.media.hostile.decoy import CANARY_COLOR, TOKEN, Decoy, laid
from tests.media.hostile.made import ACCEPTED, NOTED, Hostile, Kind
from tests.media.hostile.metadata import SECRET
from tests.media.hostile.playlists import naming
from tests.media.hostile.references import alias, outside

LIMITS = Limits(max_packets=50_000)
"""The limits of the product, but for one that takes seconds to reach."""
HURRIED = Limits(
    still=Allowance(cpu_s=1, wall_s=60, memory_mb=1024), frames=Allowance(cpu_s=2, wall_s=60, memory_mb=2048)
)
"""For the files that would use up all the time they get."""
LEAST_CLASSES, LEAST_FILES = 20, 120
PLAIN_JPEG_SEGMENTS = {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}


@pytest.fixture(scope="module")
def decoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decoy]:
    with laid(tmp_path_factory.mktemp("bait")) as laid_out:
        yield laid_out


@pytest.fixture(scope="module")
def corpus(decoy: Decoy) -> dict[str, list[Hostile]]:
    return {kind.name: list(kind.build(decoy.bait)) for kind in KINDS}


@pytest.fixture(scope="module")
def server() -> int | None:
    sandbox.start()
    return sandbox.server_pid()


def read(hostile: Hostile, folder: Path, limits: Limits) -> tuple[str, tuple[Image, ...], str]:
    """Return what a file meets, its pictures, and all the words that come out beside them."""
    try:
        return _read(hostile.data, folder, limits)
    except Refusal as refusal:
        return refusal.code, (), refusal.detail


def _read(data: bytes, folder: Path, limits: Limits) -> tuple[str, tuple[Image, ...], str]:
    if sniff(data[:SNIFF_BYTES]).kind == "image":
        photo = read_still(data, limits)
        return ACCEPTED, (photo.image,), words(photo.provenance)
    clip = folder / "clip"
    clip.write_bytes(data)
    try:
        facts = probe(clip, limits)
        frames = sample(clip, facts, limits, count=6)
        return ACCEPTED if is_whole(frames, facts, limits, count=6) else NOTED, frames, words(facts.provenance)
    finally:
        clip.unlink()


def words(provenance: Provenance) -> str:
    return " ".join((provenance.make, provenance.model, *provenance.software))


def segments(jpeg: bytes) -> set[int]:
    """Return the markers of a JPEG up to its pixels."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def shows_the_canary(image: Image) -> bool:
    return bool((np.abs(image.pixels.astype(int) - CANARY_COLOR).max(axis=2) < 24).mean() > 0.2)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_file_of_a_class_meets_its_code_and_nothing_else_happens(
    kind: Kind, corpus: dict[str, list[Hostile]], decoy: Decoy, server: int | None, scratch: Path
) -> None:
    before = lying_about(scratch)
    surprises = {}
    for hostile in corpus[kind.name]:
        met, images, said = read(hostile, scratch, HURRIED if kind.name == "endless" else LIMITS)
        if met not in hostile.meets:
            surprises[hostile.name] = met
        kept = [encode_jpeg(image) for image in images]
        assert all(segments(jpeg) <= PLAIN_JPEG_SEGMENTS for jpeg in kept), hostile.name
        for secret in (TOKEN, SECRET.encode()):
            assert secret not in said.encode(), hostile.name
            assert not any(secret in jpeg for jpeg in kept), hostile.name
        assert not any(shows_the_canary(image) for image in images), hostile.name
    assert surprises == {}
    assert decoy.calls == []
    assert sandbox.server_pid() == server
    assert read_still(still("jpg")).width == 160
    assert lying_about(scratch) <= before


def test_the_classes_are_many_and_each_code_is_public(corpus: dict[str, list[Hostile]]) -> None:
    files = [hostile for of_class in corpus.values() for hostile in of_class]

    assert len(KINDS) >= LEAST_CLASSES
    assert len(files) >= LEAST_FILES
    assert {code for hostile in files for code in hostile.meets} <= {ACCEPTED, *CODES}


def test_the_files_are_the_same_each_time(corpus: dict[str, list[Hostile]], decoy: Decoy) -> None:
    for kind in KINDS:
        assert list(kind.build(decoy.bait)) == corpus[kind.name]


def test_an_ffmpeg_without_a_whitelist_does_call(decoy: Decoy, tmp_path: Path) -> None:
    """The bait is real: what the product refuses would have been called by FFmpeg as it comes."""
    playlist = next(one for one in naming(decoy.bait) if one.name.startswith("hls_0"))
    path = tmp_path / "list.m3u8"
    path.write_bytes(playlist.data)
    open_up = ("-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL", "-extension_picky", "0")
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "quiet", *open_up, "-i", str(path), "-f", "null", "-"]
    called = len(decoy.calls)

    subprocess.run(command, check=False, timeout=30)

    assert len(decoy.calls) > called
    decoy.calls.clear()


def test_an_ffmpeg_told_to_follow_references_does_read_the_canary(decoy: Decoy, tmp_path: Path) -> None:
    film = next(one for one in outside(decoy.bait) if one.name == "alias.mov")
    path = tmp_path / "alias.mov"
    path.write_bytes(film.data)
    follow = ("-enable_drefs", "1", "-use_absolute_path", "1", "-i", str(path))
    shown = ("-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-")
    command = [get_ffmpeg_exe(), "-nostdin", "-v", "quiet", *follow, *shown]

    picture = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout

    assert alias(decoy.bait.canary) in film.data
    assert shows_the_canary(Image(np.asarray(PIL.Image.open(io.BytesIO(picture)).convert("RGB"))))


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/dev/tty", "/proc/self/environ", "/", "."])
def test_what_is_no_ordinary_file_is_refused_at_once(path: str) -> None:
    with pytest.raises((Refusal, OSError)) as caught:
        probe(Path(path))
    if isinstance(caught.value, Refusal):
        assert caught.value.code in {"unsupported_format", "empty_file"}


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")

    with pytest.raises(Refusal) as caught:
        probe(tmp_path / "pipe.mp4")
    assert caught.value.code == "unsupported_format"
