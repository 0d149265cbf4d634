"""The transcoders that the contract is held against."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from heirloom.media.transcode.base import Transcoder
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from tests.media.conftest import FFMPEG


@contextmanager
def ffmpeg_of_the_system() -> Iterator[Transcoder]:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("there is no ffmpeg on PATH")
    yield FfmpegTranscoder(program)


@contextmanager
def ffmpeg_of_the_wheel() -> Iterator[Transcoder]:
    yield FfmpegTranscoder(FFMPEG)


TRANSCODERS: dict[str, Callable[[], object]] = {
    "ffmpeg-system": ffmpeg_of_the_system,
    "ffmpeg-wheel": ffmpeg_of_the_wheel,
}
