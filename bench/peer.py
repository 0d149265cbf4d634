"""DeepFace's own pipeline on ONNX Runtime and the packaged dlib weights: the peer on the same pictures."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from heirloom.vision import dlib_weights
from heirloom.vision.features import unit_rows
from heirloom.vision.types import Floats

ASKED = {"model_name": "Dlib", "detector_backend": "dlib"}
COSINE_THRESHOLD = 0.07
"""The cosine distance up to which DeepFace says that two faces of its Dlib model are one person's."""


def deepface(home: Path) -> Any:
    """Return DeepFace, with a home of its own that holds the packaged weights."""
    weights = home / ".deepface" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    for name in (dlib_weights.DESCRIPTOR, dlib_weights.LANDMARKS_5):
        if not (weights / name).exists():
            (weights / name).symlink_to(dlib_weights.path_of(name))
    os.environ.update(
        DEEPFACE_HOME=str(home), DEEPFACE_BACKEND_ENGINE="onnx", DEEPFACE_ONNX_PROVIDERS="CPUExecutionProvider"
    )
    # Imported here because importing it reads the environment.
    from deepface import DeepFace  # noqa: PLC0415

    return DeepFace


def verify(home: Path) -> Callable[[str, str], Any]:
    """Return DeepFace's verify of two files."""
    peer = deepface(home)
    return lambda first, second: peer.verify(first, second, **ASKED)


def faces_of(peer: Any, picture: Path) -> Floats:
    """Return (n, 128) float32: every face that DeepFace finds and represents, of unit length; none where it refuses.

    `DeepFace.verify` compares two files by the smallest distance over all of these.
    """
    try:
        found = peer.represent(str(picture), **ASKED)
    except ValueError:  # "Face could not be detected"
        return np.empty((0, 128), np.float32)
    return unit_rows(np.array([each["embedding"] for each in found], np.float32))
