"""The two portraits that ordinary packages carry, and files made of them on the spot."""

import contextlib
import gc
import io
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import matplotlib.cbook
import PIL.Image
import pytest
import skimage.data
from imageio_ffmpeg import get_ffmpeg_exe
from pillow_heif import register_heif_opener

register_heif_opener()

Written = Callable[..., bytes]


@pytest.fixture(scope="session")
def astronaut() -> PIL.Image.Image:
    return PIL.Image.fromarray(skimage.data.astronaut())


@pytest.fixture(scope="session")
def officer() -> PIL.Image.Image:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return PIL.Image.open(file).convert("RGB")


@pytest.fixture
def written() -> Written:
    def write(picture: PIL.Image.Image, pillow_format: str = "JPEG", **options: object) -> bytes:
        file = io.BytesIO()
        picture.save(file, format=pillow_format, **options)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def assets() -> Path:
    folder = os.environ.get("HEIRLOOM_TEST_ASSETS")
    if not folder:
        pytest.skip("HEIRLOOM_TEST_ASSETS is not set")
    return Path(folder).resolve()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the temporary files of this process alone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def lying_about(*folders: Path) -> set[Path]:
    """Return the files in these folders and the open ones, once the garbage that may still hold some is gone."""
    gc.collect()
    found = {file for folder in folders for file in folder.iterdir()}
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found.add(descriptor.readlink())
    return found


# The clips of the tests are made with options that the FFmpeg of an older system does not know.
FFMPEG = get_ffmpeg_exe()
MakeClip = Callable[..., Path]


@pytest.fixture(scope="session")
def make_clip(tmp_path_factory: pytest.TempPathFactory, astronaut: PIL.Image.Image) -> MakeClip:
    """Return a function that writes a clip slowly moving over a portrait, once for each name."""
    folder = tmp_path_factory.mktemp("clips")
    portrait = folder / "portrait.png"
    astronaut.save(portrait)

    def make(name: str, *coding: str, seconds: float = 4, rate: int = 15, size: str = "320:240") -> Path:
        clip = folder / name
        if not clip.exists():
            moving = f"crop=400:300:x='20*t':y='30+10*t',scale={size},format=yuv420p"
            source = ("-loop", "1", "-framerate", str(rate), "-i", str(portrait), "-t", str(seconds), "-vf", moving)
            run_ffmpeg(*source, *coding, str(clip))
        return clip

    return make


@pytest.fixture(scope="session")
def whole_clip(make_clip: MakeClip) -> Path:
    """A second between keyframes, ready to be played while it arrives."""
    return make_clip("whole.mp4", "-c:v", "libx264", "-preset", "veryfast", "-g", "15", "-movflags", "+faststart")


def run_ffmpeg(*arguments: str, program: str = FFMPEG) -> None:
    subprocess.run([program, "-nostdin", "-v", "error", "-y", *arguments], check=True, timeout=60)
