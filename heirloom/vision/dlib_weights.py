"""Where dlib's published weights lie, and the raw tensors inside them.

The files come with the Python package `face_recognition_models` (public domain). That package is located, never
imported: its `__init__` needs `pkg_resources`, which newer Pythons lack.
"""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from heirloom.errors import Refusal
from heirloom.vision.types import Floats

DESCRIPTOR = "dlib_face_recognition_resnet_model_v1.dat"
DETECTOR = "mmod_human_face_detector.dat"
LANDMARKS_5 = "shape_predictor_5_face_landmarks.dat"
LANDMARKS_68 = "shape_predictor_68_face_landmarks.dat"

Shape = tuple[int, int, int, int]

_TENSOR_VERSION = 2


@cache
def folder() -> Path | None:
    """Return the folder of the packaged weights, or None where the package is not installed."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "models"


def path_of(name: str) -> Path:
    """Return where the weights file `name` lies.

    Raises Refusal "model_not_available" when the package or the file is missing.
    """
    found = folder()
    if found is None or not (found / name).is_file():
        raise Refusal("model_not_available", f"{name} is missing: install face_recognition_models.")
    return found / name


@cache
def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file, computed once per process."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensors(data: bytes, shapes: list[Shape]) -> list[Floats]:
    """Return the tensors of `shapes` found in `data`, in this order, each shaped as asked.

    Between two tensors dlib writes only small integers, so the next header of the expected shape is the next tensor.
    Raises ValueError when one is not there: these are other weights than the shapes describe.
    """
    found: list[Floats] = []
    cursor = 0
    for shape in shapes:
        header = b"".join(_packed(number) for number in (_TENSOR_VERSION, *shape))
        start = data.find(header, cursor)
        if start < 0:
            raise ValueError(f"tensor {len(found)} of shape {shape} is not in the file")
        start += len(header)
        cursor = start + 4 * int(np.prod(shape))
        found.append(np.frombuffer(data, dtype="<f4", count=int(np.prod(shape)), offset=start).reshape(shape))
    return found


def _packed(number: int) -> bytes:
    """One non-negative integer as dlib serialises it: a count of bytes, then the bytes, least significant first."""
    size = max(1, (number.bit_length() + 7) // 8)
    return bytes([size]) + number.to_bytes(size, "little")
