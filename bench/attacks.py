"""`python -m bench.attacks OUT`: presentations to judge the attack check by, made from the few shared photos and clips.

Prints and screens are made by software: no camera saw them, and no attacker would stop at them. They show that the
check runs and roughly what it answers; they show no error rate. HEIRLOOM_TEST_ASSETS names the shared files.
"""

import argparse
import os
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

from bench.pictures import jpeg, on_screen
from bench.portraits import Portrait
from heirloom.evaluation.pictures import people_in

LONGEST_SIDE = 900
REPLAY = (
    "drawgrid=width=iw:height=3:thickness=1:color=black@0.18,colorbalance=bs=0.08:rs=-0.06,eq=contrast=0.92,"
    "scale=trunc(iw*0.7/2)*2:-2,pad=trunc(iw*1.4/2)*2:trunc(ih*1.35/2)*2:(ow-iw)/2:(oh-ih)/2:0x101012,"
    "rotate=0.03:fillcolor=0x908c88,noise=alls=7:allf=t,format=yuv420p"
)
"""A clip as a second camera sees it on a screen: striped, cooler, in a black frame, a little askew, with noise."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.attacks", description=__doc__)
    parser.add_argument("out", type=Path, help="a folder to make: bona_fide, print, screen, published")
    parser.add_argument("--people", type=int, help="press photos of so many people instead of portraits and clips")
    given = parser.parse_args()
    out, shared = given.out, Path(os.environ["HEIRLOOM_TEST_ASSETS"]) / "data"
    for name, data in _photos(shared) if given.people is None else _press_photos(shared, given.people):
        portrait = as_shown(name, data)
        _write(out / "bona_fide" / f"{name}.jpg", portrait.jpeg)
        _write(out / "screen" / f"{name}.jpg", on_screen(portrait))
        _write(out / "print" / f"{name}.jpg", on_paper(portrait))
    if given.people is None:
        _clips_and_published(shared, out)
    print(f"Wrote {out}.")


def _clips_and_published(shared: Path, out: Path) -> None:
    for clip in sorted((shared / "clips").iterdir()):
        _write(out / "bona_fide" / clip.name, clip.read_bytes())
        _replayed(clip, out / "screen" / f"{clip.stem}.mp4")
    for path in sorted((shared / "pad").glob("image_F*.jpg")):
        _write(out / "published" / path.name, path.read_bytes())


def on_paper(portrait: Portrait) -> bytes:
    """Return the portrait as a camera sees its print on a sheet: flat, soft, warm, on white, held askew."""
    picture = portrait.pillow()
    flat = np.asarray(picture, np.float32) * (0.72, 0.70, 0.64) + (44, 42, 36)
    soft = PillowImage.fromarray(flat.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.2))
    sheet = PillowImage.new("RGB", (round(soft.width * 1.15), round(soft.height * 1.15)), (226, 222, 212))
    sheet.paste(soft, ((sheet.width - soft.width) // 2, (sheet.height - soft.height) // 2))
    table = PillowImage.new("RGB", (round(sheet.width * 1.4), round(sheet.height * 1.25)), (120, 104, 88))
    table.paste(sheet, ((table.width - sheet.width) // 2, (table.height - sheet.height) // 2))
    return jpeg(table.rotate(3.0, PillowImage.Resampling.BICUBIC, fillcolor=(120, 104, 88)), quality=88)


def _photos(shared: Path) -> Iterator[tuple[str, bytes]]:
    yield "published_bona_fide", (shared / "pad" / "image_T1.jpg").read_bytes()
    for path in sorted((shared / "faces" / "portraits").glob("*.jpg")):
        yield path.stem, path.read_bytes()


def _press_photos(shared: Path, people: int) -> Iterator[tuple[str, bytes]]:
    for pictures in list(people_in(shared / "faces" / "lfw").values())[:people]:
        yield pictures[0].stem, pictures[0].read_bytes()


def as_shown(name: str, data: bytes) -> Portrait:
    """Return a photo as it is shown: upright, in colour, of LONGEST_SIDE at most."""
    with PillowImage.open(BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return Portrait(name, np.asarray(picture, np.uint8), jpeg(picture))


def _replayed(clip: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", str(clip), "-an", "-vf", REPLAY]
    subprocess.run([*command, "-preset", "veryfast", str(path)], check=True, stdin=subprocess.DEVNULL)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    main()
