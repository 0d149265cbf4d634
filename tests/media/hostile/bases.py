"""The honest files that hostile ones are made of: synthetic pictures, written by Pillow and FFmpeg."""

import io
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from imageio_ffmpeg import get_ffmpeg_exe
from pillow_heif import register_heif_opener

register_heif_opener()

STILLS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "bmp": "BMP", "heic": "HEIF"}
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-pix_fmt", "yuv420p")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "4", "-g", "5", "-pix_fmt", "yuv420p")
MJPEG = ("-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p")
CLIPS = {
    "faststart.mp4": (*H264, "-movflags", "+faststart"),
    "plain.mp4": H264,
    "fragmented.mp4": (*H264, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    "plain.mov": MJPEG,
    "plain.mkv": MPEG4,
    "plain.webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "5"),
    "plain.avi": MPEG4,
}


@cache
def picture(width: int = 160, height: int = 120) -> PIL.Image.Image:
    """Return a ramp of colors under a fixed noise: no face, and nothing that compresses to nothing."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(7).integers(0, 24, (height, width))
    ramps = [columns * 200 // width, rows * 200 // height, (rows + columns) * 200 // (width + height)]
    return PIL.Image.fromarray(np.stack([ramp + noise for ramp in ramps], axis=2).astype(np.uint8))


def written(image: PIL.Image.Image, pillow_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format=pillow_format, **options)
    return file.getvalue()


@cache
def still(extension: str) -> bytes:
    """Return the picture as a photo: "jpg", "png", "webp", "tiff", "bmp" or "heic"."""
    return written(picture(), STILLS[extension])


@cache
def clip(name: str) -> bytes:
    """Return one of CLIPS: four seconds of a test picture, ten frames a second."""
    return coded(name, *CLIPS[name])


def coded(name: str, *coding: str, source: str = "testsrc2=size=160x120:rate=10:duration=4") -> bytes:
    """Return what FFmpeg makes of a synthetic source; the name's extension chooses the container."""
    return ffmpeg(name, "-f", "lavfi", "-i", source, *coding)


def remade(data: bytes, name: str, *arguments: str, suffix: str = ".bin") -> bytes:
    """Return what FFmpeg makes of a clip."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / f"given{suffix}"
        given.write_bytes(data)
        return ffmpeg(name, "-i", str(given), *arguments)


def ffmpeg(name: str, *arguments: str) -> bytes:
    """Run FFmpeg so that it gives the same bytes each time."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / Path(name).name
        command = [get_ffmpeg_exe(), "-nostdin", "-v", "error", "-fflags", "+bitexact", *arguments]
        exact = ["-threads", "1", "-flags", "+bitexact", "-fflags", "+bitexact", "-y", str(target)]
        subprocess.run([*command, *exact], check=True, timeout=60)
        return target.read_bytes()
