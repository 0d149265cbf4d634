"""A clip is of one followed face: bystanders do not disturb it, a second person or a swap is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from enrollment.services.policies import same_person_from
from heirloom.jobs.vision import beside
from heirloom.media.types import Image
from heirloom.media.video import probe, sample
from heirloom.vision.comparison import compare
from heirloom.vision.turning import turned_image
from tests.portraits import Portrait
from tests.scenes import filmed
from verification.services import performances
from verification.services.probes import Probe, look

pytestmark = pytest.mark.usefixtures("vision_process")
NEAR, FAR = 400, 170


def looked_at(images: list[Image] | Iterator[Image]) -> Probe:
    return look(images, vision=beside(), same_person_from=same_person_from)


@pytest.fixture
def eileen(portraits: dict[str, Portrait]) -> Portrait:
    return portraits["astronaut"]


@pytest.fixture
def grace(portraits: dict[str, Portrait]) -> Portrait:
    return portraits["hopper"]


def test_the_best_differing_frames_become_the_template(eileen: Portrait) -> None:
    seen = looked_at(filmed(*([(eileen, 480 + 20 * n, NEAR)] for n in range(7))))
    assert len(seen.frames) == 7
    assert len(seen.counted) == 5
    assert not seen.several_people
    times = [frame.image.at_s for frame in seen.counted]
    assert times == sorted(times)
    assert (times[-1] or 0) - (times[0] or 0) >= 2.5, "taken from all over the clip"


def test_frames_may_come_as_a_stream(eileen: Portrait) -> None:
    images = filmed(*([(eileen, 480, NEAR)] for _ in range(6)))
    streamed, listed = looked_at(iter(images)), looked_at(images)
    assert streamed.template is not None
    assert listed.template is not None
    assert compare(streamed.template, listed.template) == pytest.approx(1.0)


def test_a_bystander_in_the_background_does_not_disturb(eileen: Portrait, grace: Portrait) -> None:
    alone, both = [(eileen, 400, NEAR)], [(eileen, 400, NEAR), (grace, 800, FAR)]
    seen = looked_at(filmed(both, both, alone, both, both))
    assert seen.template is not None
    assert not seen.several_people
    assert not any(frame.reasons for frame in seen.frames)


def test_a_swap_midway_is_told(eileen: Portrait, grace: Portrait) -> None:
    seen = looked_at(filmed(*([[(eileen, 480, NEAR)]] * 5), *([[(grace, 480, NEAR)]] * 2)))
    assert seen.several_people
    assert [frame.reasons for frame in seen.frames] == [()] * 5 + [("several_people_in_clip",)] * 2
    assert len(seen.counted) == 5


def test_one_frame_of_another_person_is_told(eileen: Portrait, grace: Portrait) -> None:
    her, other = [(eileen, 480, NEAR)], [(grace, 480, NEAR)]
    seen = looked_at(filmed(her, her, other, her, her))
    assert seen.several_people
    assert [bool(frame.reasons) for frame in seen.frames] == [False, False, True, False, False]


def test_a_second_person_as_near_makes_it_nobodys_clip(eileen: Portrait, grace: Portrait) -> None:
    both = [(eileen, 260, NEAR), (grace, 700, NEAR)]
    seen = looked_at(filmed(both, both, both, both))
    assert seen.template is None
    assert seen.reasons[0] == "several_people_in_clip"


def test_a_second_person_who_steps_in_is_told(eileen: Portrait, grace: Portrait) -> None:
    alone, both = [(eileen, 260, NEAR)], [(eileen, 260, NEAR), (grace, 700, NEAR)]
    seen = looked_at(filmed(alone, alone, both, both, alone))
    assert seen.several_people
    assert [frame.reasons for frame in seen.frames] == [(), (), ("several_faces",), ("several_faces",), ()]


def test_a_frame_that_shows_a_bystander_alone_does_not_count(eileen: Portrait, grace: Portrait) -> None:
    alone = [(eileen, 400, NEAR)]
    seen = looked_at(filmed(alone, alone, [(grace, 860, FAR)], alone))
    assert not seen.several_people
    assert seen.frames[2].reasons == ("person_not_in_frame",)


def test_a_photo_must_still_show_one_person_alone(eileen: Portrait, grace: Portrait) -> None:
    (pair,) = filmed([(eileen, 260, NEAR), (grace, 700, 300)])
    assert looked_at([Image(pair.pixels)]).reasons == ("several_faces",)


@pytest.mark.parametrize("name", ["signer_help", "signer_yes", "signer_again"])
def test_a_live_person_before_a_webcam_is_one_track(assets: Path, name: str) -> None:
    clip = assets / "data" / "clips" / f"{name}.mkv"
    seen = looked_at(iter(sample(clip, probe(clip), count=8)))
    assert seen.template is not None
    assert not seen.several_people


def test_a_stage_full_of_people_is_told(assets: Path) -> None:
    clip = assets / "data" / "clips" / "stage_640x360_h264.mp4"
    assert looked_at(iter(sample(clip, probe(clip), count=8))).several_people


def test_frames_that_hang_do_not_show_who_performed(eileen: Portrait) -> None:
    """Their movement was measured as they are, so they vouch for nobody, though the face can be turned and known."""
    stills = filmed(*([[(eileen, 480, NEAR)]] * 3))
    hanging = [turned_image(image, 2) for image in stills]
    shown = {
        name: performances._one_person(some, some, beside(), same_person_from)
        for name, some in (("upright", stills), ("hanging", hanging))
    }
    assert shown == {"upright": True, "hanging": False}
    assert len(looked_at(hanging).counted) == 3
