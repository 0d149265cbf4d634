"""A reviewer reads every signal in plain words, whatever it found."""

import pytest

from heirloom.decision import injection, reuse
from heirloom.decision.reuse import Earlier, Likeness
from heirloom.errors import CODES
from verification.words import WHY, of_signal


def test_a_score_is_told_where_it_was_measured() -> None:
    shown = of_signal({"detector": "minifasnet", "outcome": "attack", "score": 0.934, "why": ""})
    assert (shown.name, shown.words) == (
        "Photo, screen or mask (MiniFASNet)",
        "looks like an attack (attack score 0.93)",
    )


def test_what_was_found_is_named() -> None:
    signal = {"detector": "injection", "outcome": "attack", "score": 0.9, "why": "virtual_camera", "detail": "ManyCam"}
    assert of_signal(signal).words.endswith("a program that stands in for a camera (ManyCam)")
    assert "0.9" not in of_signal(signal).words, "that number was chosen, not measured"


def test_a_code_of_the_product_is_told_in_its_words() -> None:
    shown = of_signal({"detector": "challenge", "outcome": "attack", "score": None, "why": "challenge_spliced"})
    assert shown.words == "looks like an attack: The clip is not one unbroken recording."


@pytest.mark.parametrize("kind", injection.KINDS)
def test_every_kind_of_program_has_words(kind: injection.Kind) -> None:
    assert kind.why in WHY


@pytest.mark.parametrize("likeness", list(Likeness))
@pytest.mark.parametrize("enrolled", [True, False])
@pytest.mark.parametrize("same_person", [True, False])
@pytest.mark.parametrize("age_s", [1.0, 1e6])
def test_every_repetition_has_words(likeness: Likeness, enrolled: bool, same_person: bool, age_s: float) -> None:
    said = reuse.judge([Earlier(likeness, enrolled, same_client=True, same_person=same_person, age_s=age_s, label="x")])
    assert said.why in WHY


@pytest.mark.parametrize(
    ("detector", "role"),
    [
        ("minifasnet", "may vouch"),
        ("challenge", "may vouch"),
        ("deep-tree", "can only accuse"),
        ("reuse", "can only accuse"),
        ("injection", "can only accuse"),
        ("of-tomorrow", "can only accuse"),
    ],
)
def test_what_a_checks_word_counts_for_is_told(detector: str, role: str) -> None:
    assert of_signal({"detector": detector, "outcome": "inconclusive", "score": None, "why": ""}).role == role


def test_a_face_that_fills_the_picture_is_told_in_the_words_the_sender_reads() -> None:
    shown = of_signal({"detector": "minifasnet", "outcome": "inconclusive", "score": None, "why": "face_too_tight"})
    assert shown.words == f"could not say: {CODES['face_too_tight'].text}"


def test_a_record_of_an_older_version_is_still_shown() -> None:
    assert of_signal({"detector": "", "outcome": "inconclusive", "score": None, "why": "not_installed"}).words
