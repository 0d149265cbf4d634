"""The folder DeepFace looks for weights in, and the one door through which it is imported.

DeepFace downloads a missing file on its own, with no check of its hash. So nothing of it is constructed here before
every file it will open is present with a known hash.
"""

import importlib
import os
import threading
from pathlib import Path
from typing import Any

from heirloom.vision import catalog, dlib_weights
from heirloom.vision.runtime import CPU, CUDA

WEIGHTS = Path(".deepface") / "weights"

_lock = threading.RLock()


def home_in(models_dir: Path) -> Path:
    return models_dir.absolute() / "deepface-home"


def prepare(names: tuple[str, ...], models_dir: Path, device: str) -> threading.RLock:
    """Make DeepFace look into our own folder; hold the returned lock while constructing one of its models.

    Raises Refusal "weights_missing" or "weights_altered" unless every named file is usable: no download can start.
    """
    for name in names:
        catalog.checked(name, models_dir)
    os.environ["DEEPFACE_HOME"] = str(home_in(models_dir))
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "onnx"
    os.environ["DEEPFACE_ONNX_PROVIDERS"] = CPU if device == CPU else f"{CUDA},{CPU}"
    (home_in(models_dir) / WEIGHTS).mkdir(parents=True, exist_ok=True)
    return _lock


def part(name: str) -> Any:
    """Return one of DeepFace's modules. Importing it reads the environment that `prepare` has set by then."""
    return importlib.import_module(name)


def link_packaged(name: str, models_dir: Path) -> None:
    """Show DeepFace a weights file of dlib under the name it looks for."""
    folder = home_in(models_dir) / WEIGHTS
    folder.mkdir(parents=True, exist_ok=True)
    link, target = folder / name, dlib_weights.path_of(name)
    if not link.exists():
        link.unlink(missing_ok=True)
        partial = folder / f"{name}.{os.getpid()}.link"
        partial.symlink_to(target)
        partial.replace(link)
