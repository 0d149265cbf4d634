"""Pictures and clips made from the packaged portraits: the same face, photographed anew."""

import base64
import subprocess
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
from PIL import Image as PillowImage
from PIL import ImageEnhance

from tests.portraits import Portrait


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
    """Film the portrait: a slow sway, so that frames differ."""
    still = folder / "still.png"
    portrait.pillow().save(still)
    path = folder / name
    film = f"scale={size}:{size}:force_original_aspect_ratio=increase,crop={size}:{size},rotate=0.06*sin(2*t):fillcolor=gray,format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-loop", "1", "-framerate", "25", "-i", str(still)]
    subprocess.run(
        [*command, "-t", str(seconds), "-vf", film, "-g", "25", str(path)], check=True, stdin=subprocess.DEVNULL
    )
    return path


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
