"""One face is followed through a clip: by place and size, by identity where it is known, and breaks are told."""

from collections.abc import Sequence

import numpy as np
import pytest

from heirloom.vision.tracking import BreakKind, Track, View, follow, rivals
from heirloom.vision.types import Box, Face, Observation, Pose, Quality, Template

ALICE, BOB = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
SAME = 0.9


def face(
    x: float, y: float = 240.0, *, size: float = 120.0, who: np.ndarray | None = None, reasons: tuple[str, ...] = ()
) -> Observation:
    """A face around (x, y); `who` gives it a template, `reasons` make that one worthless."""
    quality = Quality(80.0, 100.0, 120.0, 60.0, Pose(0, 0, 0), reasons)
    box = Box(x - size / 2, y - size / 2, size, size)
    template = None if who is None else Template("made", np.asarray(who, np.float32))
    return Observation(Face(box, 1.0, np.zeros((5, 2), np.float32)), quality, template)


def clip(*frames: Sequence[Observation], step_s: float = 0.2) -> list[View]:
    return [View(number * step_s, 640, 480, tuple(faces)) for number, faces in enumerate(frames)]


def frames(track: Track) -> list[int]:
    return sorted(track.frames)


def test_no_face_makes_no_track() -> None:
    assert follow(clip([], [])) == ()
    assert rivals(()) == ()


def test_a_moving_face_is_one_unbroken_track_without_templates() -> None:
    (track,) = follow(clip(*([face(200 + 15 * n)] for n in range(12))))
    assert frames(track) == list(range(12))
    assert track.breaks == ()


def test_a_face_that_turns_away_stays_its_own_track() -> None:
    turned = face(320, who=BOB, reasons=("face_turned",))
    (track,) = follow(clip([face(310, who=ALICE)], [turned], [face(315, who=ALICE)]), same_person_from=SAME)
    assert frames(track) == [0, 1, 2]
    assert track.breaks == ()


def test_the_main_track_is_the_large_one_in_the_middle() -> None:
    tracks = follow(clip(*([face(40, size=60), face(320)] for _ in range(4))))
    assert [round(track.size * 480) for track in tracks] == [120, 60]


def test_the_face_most_often_seen_is_the_main_one() -> None:
    often, seldom = face(250), face(450, size=130)
    tracks = follow(clip([often, seldom], [often], [often], [often]))
    assert [len(track.sightings) for track in tracks] == [4, 1]


def test_a_bystander_in_the_background_is_no_rival() -> None:
    assert rivals(follow(clip(*([face(320), face(560, size=50)] for _ in range(4))))) == ()


def test_a_second_person_of_the_same_size_is_a_rival() -> None:
    (other,) = rivals(follow(clip(*([face(220), face(430)] for _ in range(4)))))
    assert len(other.sightings) == 4


def test_a_person_swapped_midway_is_a_rival_and_breaks_the_track() -> None:
    swapped = clip(*([face(320, who=ALICE)] for _ in range(4)), *([face(320, who=BOB)] for _ in range(3)))
    tracks = follow(swapped, same_person_from=SAME)
    assert [frames(track) for track in tracks] == [[0, 1, 2, 3], [4, 5, 6]]
    assert rivals(tracks) == tracks[1:]
    assert [(each.kind, each.frame) for each in tracks[0].breaks] == [(BreakKind.TAKEN_OVER, 4)]


def test_a_cut_to_another_place_breaks_the_track_without_templates() -> None:
    tracks = follow(clip([face(120)], [face(120)], [face(120)], [face(520)], [face(520)]))
    assert [frames(track) for track in tracks] == [[0, 1, 2], [3, 4]]
    assert [(each.kind, each.frame) for each in tracks[0].breaks] == [(BreakKind.TAKEN_OVER, 3)]
    assert rivals(tracks) == (), "it may be the same person"


def test_a_cut_to_another_place_is_a_jump_where_identity_holds() -> None:
    (track,) = follow(clip([face(120, who=ALICE)], [face(520, who=ALICE)]), same_person_from=SAME)
    assert [(each.kind, each.frame) for each in track.breaks] == [(BreakKind.JUMP, 1)]


def test_a_cut_to_another_size_breaks_the_track() -> None:
    tracks = follow(clip([face(320, size=100)], [face(320, size=190)]))
    assert [each.kind for each in tracks[0].breaks] == [BreakKind.TAKEN_OVER]


def test_a_face_away_for_long_has_a_gap() -> None:
    (track,) = follow(clip([face(320)], *([] for _ in range(8)), [face(320)]))
    assert [each.kind for each in track.breaks] == [BreakKind.GAP]


def test_a_face_missed_for_a_moment_has_no_gap() -> None:
    (track,) = follow(clip([face(320)], [], [face(320)]))
    assert track.breaks == ()


def test_frames_seconds_apart_let_a_face_move_further() -> None:
    (track,) = follow(clip([face(200)], [face(440)], step_s=2.0))
    assert track.breaks == ()


def test_two_people_who_cross_keep_their_tracks_by_identity() -> None:
    left, right = [face(240 + 50 * n, who=ALICE) for n in range(4)], [face(400 - 50 * n, who=BOB) for n in range(4)]
    tracks = follow(clip(*([a, b] for a, b in zip(left, right, strict=True))), same_person_from=SAME)
    for track in tracks:
        vectors = [each.observation.template.vector.tolist() for each in track.sightings if each.observation.template]
        assert vectors == [vectors[0]] * 4


def test_somebody_who_stands_in_while_the_face_is_away_breaks_the_track() -> None:
    seen = clip([face(320, who=ALICE)], [face(320, who=BOB)], [face(320, who=ALICE)])
    tracks = follow(seen, same_person_from=SAME)
    assert frames(tracks[0]) == [0, 2]
    assert [each.kind for each in tracks[0].breaks] == [BreakKind.TAKEN_OVER]


@pytest.mark.parametrize("floor", [None, SAME])
def test_frames_without_the_face_leave_the_track_whole(floor: float | None) -> None:
    (track,) = follow(clip([face(320, who=ALICE)], [face(330, who=ALICE)], []), same_person_from=floor)
    assert track.breaks == ()
