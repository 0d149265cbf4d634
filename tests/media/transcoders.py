"""The transcoders that the contract is held against."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from heirloom.media.transcode.base import Transcoder
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder
from heirloom.media.transcode.zencoder import ZencoderTranscoder
from heirloom.media.transcode.zencoder_api import ZencoderApi
from tests.media.conftest import FFMPEG
from tests.media.zencoder_server import KEY, ZencoderServer


@contextmanager
def ffmpeg_of_the_system() -> Iterator[Transcoder]:
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("there is no ffmpeg on PATH")
    yield FfmpegTranscoder(program)


@contextmanager
def ffmpeg_of_the_wheel() -> Iterator[Transcoder]:
    yield FfmpegTranscoder(FFMPEG)


@contextmanager
def zencoder() -> Iterator[Transcoder]:
    with tempfile.TemporaryDirectory() as folder, ZencoderServer(Path(folder)) as server:
        yield transcoder_at(server)


def transcoder_at(server: ZencoderServer, **changed: Any) -> ZencoderTranscoder:
    """Return a transcoder that asks this server, and looks for answers more often than one should elsewhere."""
    api = ZencoderApi(KEY, server.base_url, timeout_s=5.0, over_limit_wait_s=0.01)
    made = ZencoderTranscoder(api, server.offered, binary=FFMPEG, poll_s=0.05, look_s=0.02)
    return replace(made, **changed)


TRANSCODERS = {
    "ffmpeg-system": ffmpeg_of_the_system,
    "ffmpeg-wheel": ffmpeg_of_the_wheel,
    "zencoder": zencoder,
}
