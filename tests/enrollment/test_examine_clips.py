"""A clip enrolls its one person: bystanders do not disturb it, a clip of several people enrolls nobody."""

import pytest

from enrollment.services.findings import Verdict, examine_clip
from enrollment.services.policies import same_person_from
from heirloom.jobs.vision import beside
from heirloom.media.types import Image
from tests.portraits import Portrait
from tests.scenes import filmed

pytestmark = pytest.mark.usefixtures("vision_process")


def examined(images: list[Image]) -> tuple[Verdict, ...]:
    return examine_clip(images, vision=beside(), same_person_from=same_person_from)


def test_a_bystander_in_the_background_is_left_out(portraits: dict[str, Portrait]) -> None:
    scene = [(portraits["astronaut"], 400, 400), (portraits["hopper"], 800, 170)]
    verdicts = examined(filmed(*([scene] * 6)))
    assert [verdict.accepted for verdict in verdicts] == [True] * 5


def test_a_clip_whose_person_changes_enrolls_nobody(portraits: dict[str, Portrait]) -> None:
    her, other = [(portraits["astronaut"], 480, 400)], [(portraits["hopper"], 480, 400)]
    verdicts = examined(filmed(her, her, her, other))
    assert not any(verdict.accepted for verdict in verdicts)
    assert all("several_people_in_clip" in verdict.reasons for verdict in verdicts)


def test_a_clip_of_nobody_says_so(portraits: dict[str, Portrait]) -> None:
    assert {verdict.reasons for verdict in examined(filmed([], []))} == {("no_face",)}
