from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from bench.pictures import clip, on_screen, retaken
from heirloom.errors import Refusal
from heirloom.evaluation import attacks
from heirloom.vision.types import AttackOutcome, AttackSignal
from tests.evaluation import made
from tests.portraits import Portrait

MODEL = "dlib-resnet-v1-avg3"


def evaluate(*arguments: str) -> str:
    said = StringIO()
    call_command("evaluate", *arguments, stdout=said)
    return said.getvalue()


@pytest.fixture
def presentations(tmp_path: Path, portraits: dict[str, Portrait]) -> Path:
    """Two bona fide photos and a clip, two screens and a broken file."""
    hopper = portraits["hopper"]
    files = {
        "bona_fide/a.jpg": hopper.jpeg,
        "bona_fide/b.jpg": retaken(hopper),
        "screen/a.jpg": on_screen(hopper),
        "screen/b.jpg": on_screen(portraits["astronaut"]),
        "screen/broken.jpg": b"\xff\xd8\xff no picture",
        "screen/notes.txt": b"no presentation",
    }
    for name, data in files.items():
        path = tmp_path / "attacks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    clip(hopper, tmp_path / "attacks" / "bona_fide", seconds=1.0)
    (tmp_path / "attacks" / "bona_fide" / "clip.png").unlink()  # the still that the clip was filmed from
    return tmp_path / "attacks"


def test_the_policy_in_force_is_judged_on_other_people(tmp_path: Path) -> None:
    gallery = made.gallery(500, 4)
    paths = [tmp_path / "many" / f"{person:04}" / f"{row}.jpg" for row, person in enumerate(gallery.people)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    kept = tmp_path / "kept.npz"
    np.savez(kept, model=MODEL, paths=[path.as_posix() for path in paths], vectors=gallery.vectors)
    out = tmp_path / "out"
    said = evaluate(
        "--folder", str(tmp_path / "many"), "--pack", "dlib", "--keep-templates", str(kept), "--out", str(out)
    )
    assert "Errors at the thresholds" in said
    assert "manage.py evaluate --folder many --pack dlib" in said
    assert {path.suffix for path in out.iterdir()} == {".md", ".html", ".png"}


def test_attacks_are_counted_by_species(presentations: Path, tmp_path: Path) -> None:
    """Without weights nothing answers: every bona fide presentation is an error, no attack passes."""
    said = evaluate("--attacks", str(presentations), "--pack", "dlib", "--out", str(tmp_path / "out"))
    bona_fide, screen = (line.split() for line in said.splitlines() if line.startswith(("bona fide:", "screen:")))
    assert (bona_fide[4], bona_fide[5]) == ("3", "100.00%")
    assert (screen[3], screen[4]) == ("3", "0.00%")
    assert "`invalid_image`, `not_installed`" in said


def test_scores_are_weighed_at_the_threshold(presentations: Path) -> None:
    answers = iter(
        [0.1, 0.6, None, 0.9, 0.2],
    )

    def signals_of(_images: object) -> list[AttackSignal]:
        score = next(answers)
        if score is None:
            return [AttackSignal("made", AttackOutcome.INCONCLUSIVE, why="face_too_tight")]
        return [AttackSignal("made", AttackOutcome.ATTACK if score >= 0.5 else AttackOutcome.BONA_FIDE, score)]

    judged = attacks.judge(attacks.presentations_in(presentations), ("made",), signals_of)
    (errors, det, scores) = attacks.sections(judged, "made", 0.5)
    assert errors.table is not None
    bona_fide, screen = errors.table.rows
    assert bona_fide[:2] == ("bona fide: BPCER, BPNRR", "3")
    assert bona_fide[2].startswith("66.67%")  # 0.6, and the one without an answer
    assert bona_fide[3] == "33.33%"
    assert screen[2].startswith("33.33%")  # 0.2 passed; the broken file did not
    assert det.chart is not None
    assert scores.chart is not None


def test_accusations_are_counted_apart_and_silence_is_none(presentations: Path) -> None:
    answers = iter([0.9, None, 0.0, 0.9, None])

    def signals_of(_images: object) -> list[AttackSignal]:
        score = next(answers)
        said = AttackSignal("strict", AttackOutcome.BONA_FIDE, 0.1)
        if score is None:
            return [said, AttackSignal("accuser", AttackOutcome.INCONCLUSIVE, why="too_little_detail")]
        outcome = AttackOutcome.SUSPICIOUS if score >= 0.5 else AttackOutcome.CLEAR
        return [said, AttackSignal("accuser", outcome, score)]

    judged = attacks.judge(attacks.presentations_in(presentations), ("strict", "accuser"), signals_of)
    (counted, scores) = attacks.accusations(judged, "accuser", 0.5)
    assert counted.table is not None
    bona_fide, screen = counted.table.rows
    assert bona_fide[:2] == ("bona fide: false accusations", "3")
    assert (bona_fide[2][:6], bona_fide[3]) == ("33.33%", "33.33%")
    assert (screen[2][:6], screen[3]) == ("33.33%", "66.67%")  # one has no answer, and one file is broken
    assert scores.chart is not None


def test_a_folder_without_bona_fide_presentations_is_refused(tmp_path: Path) -> None:
    (tmp_path / "print").mkdir()
    (tmp_path / "print" / "a.jpg").touch()
    with pytest.raises(CommandError, match="bona_fide"):
        evaluate("--attacks", str(tmp_path), "--pack", "dlib")


def test_nothing_named_is_refused() -> None:
    with pytest.raises(CommandError, match="Name what to measure"):
        evaluate("--pack", "dlib")


def test_a_policy_of_another_model_is_refused(presentations: Path) -> None:
    other = Path(__file__).parents[2] / "heirloom/decision/policies/deepface_Dlib.json"
    with pytest.raises(CommandError, match="deepface:Dlib"):
        evaluate("--attacks", str(presentations), "--pack", "dlib", "--policy", str(other))


def test_an_unknown_pack_is_refused(presentations: Path) -> None:
    with pytest.raises(Refusal, match="model_not_available"):
        evaluate("--attacks", str(presentations), "--pack", "no-such-pack")
