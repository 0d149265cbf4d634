"""An engine with the built-in pack, loaded once, and the shared pictures and models where they are given."""

import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from heirloom.media.types import Image
from heirloom.vision.engine import VisionConfig, VisionEngine
from tests.portraits import Portrait

MOBILEFACENET = """
file = "MobileFaceNet.onnx"
sha256 = "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507"
data_file = "MobileFaceNet.onnx.data"
data_sha256 = "0b6400e57e9973bed03816c500eb0c2819c623634cf5ea005e6508e95af883f6"
dimensions = 128
licence = "Apache-2.0"
commercial_use = false
mean = [123.675, 116.28, 103.53]
std = [58.395, 57.12, 57.375]
"""


CONTENT = b"weights" * 1000


def opened(data: bytes) -> Image:
    """Return the picture upright, as the media room hands it on."""
    with PillowImage.open(BytesIO(data)) as picture:
        return Image(np.asarray(ImageOps.exif_transpose(picture).convert("RGB")))


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def engine(models_dir: Path) -> Iterator[VisionEngine]:
    """The built-in pack, on a models folder that was empty."""
    made = VisionEngine(VisionConfig(models_dir=models_dir))
    made.load()
    yield made
    made.close()


@pytest.fixture(scope="session")
def astronaut(portraits: dict[str, Portrait]) -> Image:
    return Image(portraits["astronaut"].pixels)


@pytest.fixture(scope="session")
def hopper(portraits: dict[str, Portrait]) -> Image:
    return Image(portraits["hopper"].pixels)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of shared faces and models."""
    folder = os.environ.get("HEIRLOOM_TEST_ASSETS")
    if not folder:
        pytest.skip("HEIRLOOM_TEST_ASSETS is not set")
    return Path(folder).resolve()


@pytest.fixture(scope="session")
def furnished_models(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with YuNet, MobileFaceNet and the MiniFASNet pair linked into it."""
    folder = tmp_path_factory.mktemp("furnished")
    places = {
        "face_detection_yunet_2023mar.onnx": "opencv-zoo",
        "MobileFaceNet.onnx": "onnx",
        "MobileFaceNet.onnx.data": "onnx",
        "2.7_80x80_MiniFASNetV2.onnx": "deepface-home/.deepface/weights",
        "4_0_0_80x80_MiniFASNetV1SE.onnx": "deepface-home/.deepface/weights",
    }
    for name, place in places.items():
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / name).symlink_to(assets / "models" / name)
    (folder / "onnx" / "mobilefacenet.toml").write_text(MOBILEFACENET)
    return folder


@pytest.fixture(scope="session")
def furnished(furnished_models: Path) -> Iterator[VisionEngine]:
    """The built-in pack beside YuNet, MobileFaceNet and the MiniFASNet pair."""
    made = VisionEngine(VisionConfig(models_dir=furnished_models, acknowledged=("mobilefacenet",)))
    made.load()
    yield made
    made.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[str]:
    """A web server on this machine with one file."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "file.onnx").write_bytes(CONTENT)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
