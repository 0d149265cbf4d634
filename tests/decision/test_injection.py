"""What a file says of its maker: a named program is worth a look, silence is worth nothing."""

import pytest

from heirloom.decision.injection import KINDS, judge
from heirloom.media.types import Provenance
from heirloom.vision.types import AttackOutcome


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("OBS Studio 30.1.2", "virtual_camera"),
        ("obs-output module (libobs version 30)", "virtual_camera"),
        ("OBS Virtual Camera", "virtual_camera"),
        ("ManyCam", "virtual_camera"),
        ("Snap Camera", "virtual_camera"),
        ("DeepFaceLive", "face_synthesis"),
        ("Adobe Photoshop 25.0 (Windows)", "editing_software"),
        ("Adobe Premiere Pro 2024", "editing_software"),
        ("CapCut", "editing_software"),
        ("Bandicam 7.0", "screen_recorder"),
        ("Lavf60.16.100", "re_encoded"),
        ("Lavc61.3.100 libx264", "re_encoded"),
        ("obsidian", ""),
        ("Jobs", ""),
        ("17.5.1", ""),
        ("Core Media Video", ""),
        ("Chrome", ""),
    ],
)
def test_a_program_is_known_by_its_name(claim: str, why: str) -> None:
    said = judge(Provenance(software=(claim,)))
    assert said.why == why
    assert said.detail == (claim if why else "")


def test_no_claim_is_no_signal() -> None:
    said = judge(Provenance())
    assert (said.outcome, said.score, said.why) == (AttackOutcome.CLEAR, None, "")


def test_a_re_encoded_file_is_only_recorded() -> None:
    assert judge(Provenance(software=("Lavf60.16.100",))).outcome is AttackOutcome.CLEAR


def test_the_gravest_program_is_told() -> None:
    said = judge(Provenance(software=("Lavf60.16.100", "Adobe Photoshop", "ManyCam")))
    assert (said.outcome, said.why, said.detail) == (AttackOutcome.ATTACK, "virtual_camera", "ManyCam")


def test_a_camera_that_is_none_is_told_by_its_model() -> None:
    assert judge(Provenance(make="e2eSoft", model="VCam")).why == "virtual_camera"


def test_kinds_stand_in_order_of_gravity() -> None:
    assert [kind.score for kind in KINDS] == sorted((kind.score for kind in KINDS), reverse=True)
