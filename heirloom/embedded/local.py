"""Where the embedded parts of a new machine live, and the secrets made for them once."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

DATABASE = "heirloom"
BUILT_IN_PACK = "dlib"
# A Unix socket's path may have 107 bytes at most; PostgreSQL adds "/.s.PGSQL.5432.lock".
_LONGEST_SOCKET_FOLDER = 80


def socket_dir(var: Path, part: str = "pg") -> Path:
    """Return the folder of one part's socket: in `var`, or in the temporary folder where that path is too long."""
    folder = var / "run" / part
    if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
        return folder
    return Path(tempfile.gettempdir()) / f"heirloom-{hashlib.sha256(os.fsencode(var)).hexdigest()[:12]}-{part}"


def database_url(var: Path, database: str = DATABASE) -> str:
    return f"postgresql://postgres@/{database}?host={socket_dir(var)}"


def broker_conninfo(url: str) -> str:
    """Return a database URL as libpq's key=value string, the one form that kombu's pgmq transport passes on whole."""
    return make_conninfo("", **conninfo_to_dict(url))


def secret_key(var: Path) -> str:
    """Return Django's secret key of this installation, made on the first call."""
    return kept_secret(var / "secret_key", lambda: secrets.token_urlsafe(50))


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret in `path`, made by `make` if there is none; readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(make())
    return path.read_text().strip()
