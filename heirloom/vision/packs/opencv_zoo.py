"""YuNet and SFace of the OpenCV Zoo: small, permissive, hashes pinned. The recommended pack."""

from pathlib import Path

from heirloom.vision import catalog
from heirloom.vision.packs.yunet import NAME as YUNET

NAME = "opencv-zoo"
LICENCE = "MIT, Apache-2.0"
DETECTOR, RECOGNISER = YUNET, "sface"
MODEL = "sface-2021dec"
DIMENSIONS = 128
WEIGHTS = (DETECTOR, RECOGNISER)


def installed(models_dir: Path) -> bool:
    """Return whether both files are there with the right hash."""
    return all(catalog.usable(name, models_dir) for name in WEIGHTS)
