"""Pictures and clips made from the packaged portraits: the same face, photographed anew."""

import base64
import subprocess
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
from PIL import Image as PillowImage
from PIL import ImageEnhance

from bench.portraits import Portrait

SWAY = "rotate=0.06*sin(2*t):fillcolor=gray"


def jpeg(picture: PillowImage.Image, quality: int = 92) -> bytes:
    buffer = BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def retaken(portrait: Portrait, *, turned: float = 4.0, light: float = 1.1, mirrored: bool = False) -> bytes:
    """Return the portrait as another photo of the same face: tilted, relit, cropped, re-encoded."""
    picture = portrait.pillow()
    if mirrored:
        picture = picture.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT)
    picture = picture.rotate(turned, PillowImage.Resampling.BICUBIC, fillcolor=(90, 90, 90))
    edge = round(min(picture.size) * 0.02)
    picture = picture.crop((edge, edge, picture.width - edge, picture.height - edge))
    return jpeg(ImageEnhance.Brightness(picture).enhance(light), quality=85)


def on_screen(portrait: Portrait) -> bytes:
    """Return the portrait as a camera sees it on a screen: smaller, cooler, striped, in a black frame."""
    picture = portrait.pillow()
    red, green, blue = picture.split()
    picture = PillowImage.merge(
        "RGB", (red.point(lambda v: round(v * 0.86)), green, blue.point(lambda v: min(255, v + 18)))
    )
    stripes = PillowImage.new("L", picture.size, 255)
    for row in range(0, picture.height, 3):
        stripes.paste(205, (0, row, picture.width, row + 1))
    picture = PillowImage.composite(picture, PillowImage.new("RGB", picture.size), stripes)
    frame = PillowImage.new("RGB", (round(picture.width * 1.5), round(picture.height * 1.3)), (150, 145, 140))
    left, top, edge = (frame.width - picture.width) // 2, (frame.height - picture.height) // 2, 24
    frame.paste((12, 12, 14), (left - edge, top - edge, left + picture.width + edge, top + picture.height + edge))
    frame.paste(picture, (left, top))
    return jpeg(frame, quality=85)


def enlarged(photo: bytes, megapixels: float) -> bytes:
    """Return a photo scaled to so many megapixels: as heavy to read as a camera's, with no more detail than it had."""
    with PillowImage.open(BytesIO(photo)) as picture:
        factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
        size = round(picture.width * factor), round(picture.height * factor)
        return jpeg(picture.resize(size, PillowImage.Resampling.BICUBIC), quality=90)


def side_by_side(*portraits: Portrait) -> bytes:
    pictures = [portrait.pillow() for portrait in portraits]
    height = min(picture.height for picture in pictures)
    pictures = [picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures]
    whole = PillowImage.new("RGB", (sum(picture.width for picture in pictures), height))
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width
    return jpeg(whole)


def landscape() -> bytes:
    """Return a photo without anybody in it."""
    return jpeg(PillowImage.radial_gradient("L").resize((640, 480)))


def clip(portrait: Portrait, folder: Path, *, seconds: float = 2.0, name: str = "clip.mp4", size: int = 480) -> Path:
    """Film the portrait: mirrored, as a webcam shows it, with a slow sway, so that frames differ."""
    framing = f"hflip,scale={size}:{size}:force_original_aspect_ratio=increase,crop={size}:{size},{SWAY},format=yuv420p"
    return film(portrait, folder / name, seconds, 25, [framing], ["-g", "25"])


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def film(
    portrait: Portrait, path: Path, seconds: float, frame_rate: int, framing: Sequence[str], coding: Sequence[str]
) -> Path:
    """Film the portrait through FFmpeg filters, coded as FFmpeg is told."""
    still = path.with_suffix(".png")
    portrait.pillow().save(still)
    source = ["-loop", "1", "-framerate", str(frame_rate), "-i", str(still), "-t", str(seconds)]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, "-vf", ",".join(framing), *coding]
    subprocess.run([*command, str(path)], check=True, stdin=subprocess.DEVNULL)
    return path
