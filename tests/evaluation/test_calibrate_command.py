from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from heirloom.decision import center
from heirloom.decision.policy_files import parse
from tests.evaluation import made
from tests.portraits import Portrait

MODEL = "dlib-resnet-v1-avg3"


def calibrate(*arguments: str) -> str:
    said = StringIO()
    call_command("calibrate", *arguments, stdout=said)
    return said.getvalue()


@pytest.fixture
def photos(tmp_path: Path, portraits: dict[str, Portrait]) -> Path:
    for name, portrait in portraits.items():
        for number in range(2):
            path = tmp_path / "people" / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(portrait.jpeg)
    (tmp_path / "people" / "hopper" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return tmp_path / "people"


@pytest.fixture
def measured_before(tmp_path: Path) -> Path:
    """The templates of 500 people, kept from an earlier run; their pictures are only named."""
    gallery = made.gallery(500, 4)
    paths = [tmp_path / "many" / f"{person:04}" / f"{row}.jpg" for row, person in enumerate(gallery.people)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    np.savez(tmp_path / "kept.npz", model=MODEL, paths=[path.as_posix() for path in paths], vectors=gallery.vectors)
    return tmp_path


def test_real_pictures_are_measured_and_too_few_give_no_policy(photos: Path, tmp_path: Path) -> None:
    said = calibrate("--folder", str(photos), "--pack", "dlib", "--out", str(tmp_path / "out"))
    assert "no policy is proposed" in said
    assert not list((tmp_path / "out").rglob("*.json"))
    page = (tmp_path / "out" / f"{MODEL}.md").read_text()
    assert "2 people, 4 pictures" in page
    assert "Failure to acquire (FTA): 20.00%" in page


def test_a_proposal_changes_no_policy(measured_before: Path, settings: LazySettings) -> None:
    groups = measured_before / "groups.csv"
    sides = [f"{person:04},{'north' if person < 250 else 'south'}" for person in range(500)]
    groups.write_text("\n".join(["person,site", *sides]))
    settings.POLICY_DIR = measured_before / "policies"
    settings.POLICY_DIR.mkdir()
    out = measured_before / "out"
    kept = str(measured_before / "kept.npz")
    said = calibrate(
        "--folder",
        str(measured_before / "many"),
        "--pack",
        "dlib",
        "--keep-templates",
        kept,
        "--out",
        str(out),
        "--groups",
        str(groups),
        "--groups-note",
        "where they work",
    )
    policy = parse((out / f"{MODEL}.json").read_text())
    assert (policy.model, policy.provenance.people, policy.provenance.images) == (MODEL, 500, 2_000)
    assert policy.provenance.command == "manage.py calibrate --folder many --groups groups.csv --pack dlib"
    assert {group.label: group.people for group in policy.groups} == {"site: north": 250, "site: south": 250}
    assert policy.provenance.groups == "where they work"
    assert all(point.held for cell in policy.cells for point in cell.points)
    assert "Whom it fails" in said
    assert {path.name for path in out.glob("*.png")} == {f"{MODEL}-det.png", f"{MODEL}-scores.png"}
    assert (out / f"{MODEL}.html").read_text().startswith("<!doctype html>")
    assert "Do the thresholds hold for other people?" in said
    assert f"cp {out / MODEL}.json {settings.POLICY_DIR}" in said
    assert not list(settings.POLICY_DIR.iterdir())
    mean = center.parse((out / "center" / f"{MODEL}.json").read_text())
    assert (mean.model, mean.provenance) == (MODEL, policy.provenance)
    assert np.allclose(mean.vector, made.gallery(500, 4).vectors.mean(axis=0), atol=1e-5)
    assert f"cp {out / 'center' / MODEL}.json {settings.POLICY_DIR / 'center'}/" in said


def test_listed_pairs_are_measured(photos: Path, tmp_path: Path) -> None:
    listed = tmp_path / "pairs.csv"
    listed.write_text("a,b,same\nhopper/0.jpg,hopper/1.jpg,1\nhopper/0.jpg,astronaut/0.jpg,0\n")
    calibrate("--pairs", str(listed), "--images", str(photos), "--pack", "dlib", "--out", str(tmp_path / "out"))
    assert "| 1, 1 | 1 | 1 |" in (tmp_path / "out" / f"{MODEL}.md").read_text()


def test_a_pair_that_says_neither_yes_nor_no_is_refused(photos: Path, tmp_path: Path) -> None:
    listed = tmp_path / "pairs.csv"
    listed.write_text("a,b,same\nhopper/0.jpg,hopper/1.jpg,perhaps\n")
    with pytest.raises(CommandError, match="perhaps"):
        calibrate("--pairs", str(listed), "--images", str(photos), "--pack", "dlib", "--out", str(tmp_path / "out"))


def test_a_folder_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no folder"):
        calibrate("--folder", str(tmp_path), "--pack", "dlib")


def test_kept_templates_of_another_model_are_refused(measured_before: Path) -> None:
    kept = measured_before / "kept.npz"
    np.savez(kept, model="another", paths=["a"], vectors=np.ones((1, 4), np.float32))
    with pytest.raises(CommandError, match="another"):
        calibrate("--folder", str(measured_before / "many"), "--pack", "dlib", "--keep-templates", str(kept))
