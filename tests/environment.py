"""The settings of this test process, in the environment before Django reads them: import this module first."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django

ROOT = Path(__file__).parent.parent
FOUND = dict(os.environ)
"""The environment before, from which each process of a parallel run makes its own."""
VAR = Path(tempfile.mkdtemp(prefix="heirloom-test-"))
(VAR / "static").mkdir()
atexit.register(shutil.rmtree, VAR, ignore_errors=True)


def _own_database(url: str) -> str:
    parts, process = urlsplit(url), os.environ.get("PYTEST_XDIST_WORKER", "")
    return urlunsplit(parts._replace(path=f"/test_{parts.path.strip('/')}{process}"))


def _environment() -> dict[str, str]:
    """Return the settings of this run; the tests, the worker and the web server all read these."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "heirloom.settings",
        "HEIRLOOM_ENV_FILE": os.devnull,
        "HEIRLOOM_VAR": str(VAR),
        "MODELS_DIR": os.environ.get("MODELS_DIR", str(ROOT / "var" / "models")),
        "JOB_LEASE_S": "6",
        "JOB_SWEEP_S": "2",
        "SECRET_KEY": "a key of the tests alone, long enough for the signing of tokens",
        "HTTPS": "false",
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
        "THROTTLE_CALLER": "100000/min",
        "THROTTLE_COST": "10000000/min",
        "THROTTLE_OWNER": "100000/min",
        "THROTTLE_OWNER_COST": "10000000/min",
        "THROTTLE_SIGN_IN": "100000/min",
        "THROTTLE_REFUSED_KEY": "100000/min",
        "THROTTLE_REFUSED_TOKEN": "100000/min",
        "SIGN_IN_PER_ADDRESS": "100000",
        "SIGN_IN_PER_NAME": "100000",
        "FACE_FAILURES_PER_CALLER": "1000",
        "FACE_FAILURES_PER_PERSON": "1000",
        "SECOND_FACTOR_ROLES": "",
        "DEEPFACE_HOME": str(VAR / "deepface"),
        "MPLCONFIGDIR": str(VAR / "matplotlib"),
        "MPLBACKEND": "agg",
    }
    if url := os.environ.get("DATABASE_URL"):
        settings["DATABASE_URL"] = _own_database(url)
    return settings


os.environ.update(_environment())
django.setup()  # now, so that the conftest of any folder may import models
