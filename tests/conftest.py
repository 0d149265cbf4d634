"""What all tests share: a real PostgreSQL, a real vision process, a real worker, a real web server, two real faces.

Everything lives in a folder of this run; only the rebuilt model files are kept between runs (var/models).
Set DATABASE_URL to use a server of your own: the database `test_<name>` is made on it and dropped.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import matplotlib as mpl
import numpy as np
import pytest
import skimage.data
from PIL import Image as PillowImage

from tests.portraits import Portrait
from tests.processes import Processes

ROOT = Path(__file__).parent.parent
VAR = Path(tempfile.mkdtemp(prefix="heirloom-test-"))
atexit.register(shutil.rmtree, VAR, ignore_errors=True)


def _own_database(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/test_{parts.path.strip('/')}"))


def _environment() -> dict[str, str]:
    """Return the settings of this run; the tests, the worker and the web server all read these."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "heirloom.settings",
        "HEIRLOOM_ENV_FILE": os.devnull,
        "HEIRLOOM_VAR": str(VAR),
        "MODELS_DIR": os.environ.get("MODELS_DIR", str(ROOT / "var" / "models")),
        "SECRET_KEY": "a key of the tests alone, long enough for the signing of tokens",
        "HTTPS": "false",
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
        "THROTTLE_CALLER": "100000/min",
        "THROTTLE_SIGN_IN": "100000/min",
        "DEEPFACE_HOME": str(VAR / "deepface"),
        "MPLCONFIGDIR": str(VAR / "matplotlib"),
        "MPLBACKEND": "agg",
    }
    if url := os.environ.get("DATABASE_URL"):
        settings["DATABASE_URL"] = _own_database(url)
    return settings


os.environ.update(_environment())
django.setup()  # now, so that the conftest of any folder may import models


def pytest_configure() -> None:
    from django.conf import settings

    # The test database is the one that the settings name: the worker and the web server find it without being told.
    database = settings.DATABASES["default"]
    database["TEST"] = {**database.get("TEST", {}), "NAME": database["NAME"]}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def var() -> Path:
    """The data folder of this test run."""
    return VAR


@pytest.fixture(scope="session")
def postgres(var: Path) -> Iterator[None]:
    """A PostgreSQL server with pgvector: the embedded one, or the one that DATABASE_URL names."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    from heirloom.embedded.postgres import running

    with running(var, {"fsync": "off", "full_page_writes": "off"}):
        yield


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: None) -> None:
    """Have the server up before pytest-django makes the test database."""


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of shared faces, clips and models."""
    folder = os.environ.get("HEIRLOOM_TEST_ASSETS", "")
    if not folder:
        pytest.skip("HEIRLOOM_TEST_ASSETS is not set: the shared faces, clips and models are not here")
    path = Path(folder).resolve()
    if not path.is_dir():
        pytest.skip(f"HEIRLOOM_TEST_ASSETS names {path}, which is not a folder")
    return path


@pytest.fixture(scope="session")
def portraits() -> dict[str, Portrait]:
    """The two public-domain portraits that come inside packages: "astronaut" and "hopper"."""
    hopper = Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg")
    with PillowImage.open(hopper) as image:
        hopper_pixels = np.asarray(image.convert("RGB"))
    buffer = BytesIO()
    astronaut = np.asarray(skimage.data.astronaut())
    PillowImage.fromarray(astronaut).save(buffer, "JPEG", quality=95)
    return {
        "astronaut": Portrait("astronaut", astronaut, buffer.getvalue()),
        "hopper": Portrait("hopper", hopper_pixels, hopper.read_bytes()),
    }


@pytest.fixture(scope="session")
def processes(var: Path) -> Iterator[Processes]:
    started = Processes(var)
    yield started
    started.stop_all()


@pytest.fixture(scope="session")
def vision_process(processes: Processes) -> Path:
    """A real vision process with its models loaded; the value is its socket."""
    return processes.vision()


@pytest.fixture(scope="session")
def worker(processes: Processes, vision_process: Path, django_db_setup: None) -> Processes:
    """A real Celery worker and beat on the test database. Its tests need transaction=True, or it sees no rows."""
    processes.worker()
    return processes


@pytest.fixture(scope="session")
def live(processes: Processes, vision_process: Path, django_db_setup: None) -> str:
    """A real uvicorn on the test database; the value is its address. Its tests need transaction=True."""
    return processes.web()
