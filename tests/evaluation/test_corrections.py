"""A data set's wrong labels are mended before anything is measured: one person under two names reads as strangers who
could not be more alike."""

from pathlib import Path

import pytest

from heirloom.evaluation.pictures import corrected

PEOPLE = {"Ada": [Path("x/Ada/1.jpg"), Path("x/Ada/2.jpg")], "Bea": [Path("x/Bea/1.jpg")]}


def _file(folder: Path, *rows: str) -> Path:
    file = folder / "corrections.csv"
    file.write_text("\n".join(("picture,shows", *rows)) + "\n")
    return file


def test_a_picture_goes_to_the_person_whom_it_shows(tmp_path: Path) -> None:
    mended = corrected(PEOPLE, _file(tmp_path, "Ada/2.jpg,Bea"))
    assert mended == {"Ada": [Path("x/Ada/1.jpg")], "Bea": [Path("x/Bea/1.jpg"), Path("x/Ada/2.jpg")]}


def test_a_picture_of_nobody_known_is_left_out_and_so_is_a_name_without_pictures(tmp_path: Path) -> None:
    assert corrected(PEOPLE, _file(tmp_path, "Bea/1.jpg,")) == {"Ada": PEOPLE["Ada"]}


def test_two_pictures_may_change_places(tmp_path: Path) -> None:
    mended = corrected(PEOPLE, _file(tmp_path, "Ada/1.jpg,Bea", "Bea/1.jpg,Ada"))
    assert mended == {"Ada": [Path("x/Ada/2.jpg"), Path("x/Bea/1.jpg")], "Bea": [Path("x/Ada/1.jpg")]}


@pytest.mark.parametrize("row", ["Ada/3.jpg,Bea", "Ada/1.jpg,Cid", "Ada/1.jpg"])
def test_a_correction_of_what_is_not_there_is_refused(tmp_path: Path, row: str) -> None:
    with pytest.raises(ValueError, match=r"corrections\.csv"):
        corrected(PEOPLE, _file(tmp_path, row))
