"""A clip that lost a little is read and said to have lost it; one that lost more is refused."""

from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.media.video import is_whole, probe, sample
from tests.media.conftest import MakeClip, run_ffmpeg
from tests.media.test_probe_clip import CODINGS


@pytest.fixture
def streamed(make_clip: MakeClip) -> Path:
    """Twenty seconds of equal pictures, so that bytes are lost as time is."""
    return make_clip("streamed.mkv", "-c:v", "mjpeg", "-q:v", "9", seconds=20, rate=5, size="160:120")


def cut(clip: Path, folder: Path, kept: float) -> Path:
    shorter = folder / clip.name
    shorter.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * kept)])
    return shorter


@pytest.mark.parametrize("name", CODINGS)
def test_a_whole_clip_of_every_container_is_whole(make_clip: MakeClip, name: str) -> None:
    clip = make_clip(name, *CODINGS[name], seconds=2)
    facts = probe(clip)

    assert is_whole(sample(clip, facts), facts)
    assert is_whole(sample(clip, facts, count=3), facts, count=3)


def test_a_whole_clip_with_longer_sound_is_whole(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("clip.mkv", *CODINGS["clip.mkv"], seconds=2)
    both = tmp_path / "both.mov"
    run_ffmpeg("-i", str(clip), "-f", "lavfi", "-i", "sine=d=4", "-c:v", "copy", "-c:a", "aac", str(both))
    facts = probe(both)

    assert facts.read_share == 1
    assert is_whole(sample(both, facts), facts)


@pytest.mark.parametrize("kept", [0.84, 0.9])
def test_a_clip_that_lost_its_end_is_read_in_part(streamed: Path, tmp_path: Path, kept: float) -> None:
    clip = cut(streamed, tmp_path, kept)
    facts = probe(clip)

    assert facts.read_share == pytest.approx(kept, abs=0.03)
    assert not is_whole(sample(clip, facts), facts)


def test_a_clip_that_lost_over_a_fifth_is_refused(streamed: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        probe(cut(streamed, tmp_path, 0.75))

    assert caught.value.code == "clip_incomplete"


def test_a_clip_of_which_too_few_frames_decode_is_noted(streamed: Path) -> None:
    facts = probe(streamed)
    frames = sample(streamed, facts)

    assert is_whole(frames, facts)
    assert not is_whole(frames[: int(0.9 * len(frames))], facts)
