"""Zencoder beyond the contract: what it is asked, what it may refuse, and what becomes of a job that goes wrong."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from heirloom.errors import Refusal
from heirloom.media.limits import DEFAULT_LIMITS, Limits
from heirloom.media.plan import FramePlan, Reading
from heirloom.media.transcode.zencoder import Notified, ZencoderTranscoder
from heirloom.media.transcode.zencoder_api import ZencoderApi
from heirloom.media.video import probe
from tests.media.transcoders import transcoder_at
from tests.media.zencoder_server import KEY, ZencoderServer

TWO = FramePlan(Reading.EVERY, (0.5, 2.5))


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZencoderServer]:
    with ZencoderServer(tmp_path_factory.mktemp("zencoder")) as started:
        yield started


def frames(
    transcoder: ZencoderTranscoder, clip: Path, plan: FramePlan = TWO, limits: Limits = DEFAULT_LIMITS
) -> list[float]:
    taken = transcoder.frames(clip, probe(clip), plan, max_side=160, limits=limits)
    return [frame.at_s or 0.0 for frame in taken]


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def test_a_job_asks_for_no_more_than_is_needed_and_says_whose_it_is(server: ZencoderServer, whole_clip: Path) -> None:
    told = Notified("https://id.example.org/told/", {"Heirloom-Signature": "abc"})
    server.told = 0

    assert frames(transcoder_at(server, notified=lambda _order: told), whole_clip) == [0.5, 2.5]

    order = server.jobs[1].order
    assert order["private"]
    assert order["download_connections"] == 1
    assert uuid.UUID(order["pass_through"])
    assert order["notifications"] == [{"url": told.address, "format": "json", "headers": told.headers}]
    (output,) = order["outputs"]
    assert output["thumbnails"] == [
        {"label": "frames", "format": "jpg", "times": [0.5, 2.5], "size": "160x120", "aspect_mode": "stretch"}
    ]


def test_the_clip_is_offered_no_longer_than_the_job_lasts(server: ZencoderServer, whole_clip: Path) -> None:
    frames(transcoder_at(server), whole_clip)
    assert server.offers == {}

    server.faults["POST create"] = [500]
    refused(lambda: frames(transcoder_at(server), whole_clip))
    assert server.offers == {}


@pytest.mark.parametrize(
    ("status", "code"),
    {
        401: "transcoder_refuses",
        402: "transcoder_unpaid",
        422: "transcoder_refuses",
        429: "transcoder_unavailable",
        500: "transcoder_unavailable",
        503: "transcoder_unavailable",
    }.items(),
)
def test_each_refusal_has_its_code(server: ZencoderServer, whole_clip: Path, status: int, code: str) -> None:
    server.faults["POST create"] = [status]

    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == code
    assert server.calls == ["POST create"]


def test_over_the_limit_it_waits_five_seconds_and_tries_again(server: ZencoderServer, whole_clip: Path) -> None:
    waited: list[float] = []
    api = ZencoderApi(KEY, server.base_url, sleep=waited.append)
    server.faults["POST create"] = [403, 403]

    assert frames(transcoder_at(server, api=api), whole_clip) == [0.5, 2.5]
    assert waited == [5.0, 5.0]


def test_over_the_limit_for_good_it_gives_up(server: ZencoderServer, whole_clip: Path) -> None:
    server.faults["POST create"] = [403] * 9

    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoder_busy"
    assert server.calls == ["POST create"] * 4


def test_a_service_that_is_slow_or_away_is_unavailable(server: ZencoderServer, whole_clip: Path) -> None:
    server.slow_s = 0.5
    slow = transcoder_at(server, api=ZencoderApi(KEY, server.base_url, timeout_s=0.1))
    away = transcoder_at(server, api=ZencoderApi(KEY, "http://127.0.0.1:9/api/v2/"))

    for transcoder in (slow, away):
        assert refused(lambda asked=transcoder: frames(asked, whole_clip)) == "transcoder_unavailable"


def test_a_service_that_talks_nonsense_is_unavailable(server: ZencoderServer, whole_clip: Path) -> None:
    server.create = lambda _order: b'["what"]'  # type: ignore[method-assign]

    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoder_unavailable"


def test_a_job_goes_on_while_the_service_cannot_be_asked(server: ZencoderServer, whole_clip: Path) -> None:
    server.faults["GET progress"] = [503, 403, 502]

    assert frames(transcoder_at(server), whole_clip) == [0.5, 2.5]
    assert server.calls.count("GET progress") > 3


def test_what_is_told_ends_the_waiting(server: ZencoderServer, whole_clip: Path) -> None:
    def told(_order: uuid.UUID) -> str | None:
        return server.jobs[1].state if server.jobs[1].state == "finished" else None

    assert frames(transcoder_at(server, ended=told, poll_s=60.0), whole_clip) == [0.5, 2.5]
    assert "GET progress" not in server.calls


def test_a_notification_that_never_arrives_is_not_needed(server: ZencoderServer, whole_clip: Path) -> None:
    assert frames(transcoder_at(server, ended=lambda _order: None), whole_clip) == [0.5, 2.5]


def test_a_job_that_failed_is_tried_once_more(server: ZencoderServer, whole_clip: Path) -> None:
    server.fails = 1

    assert frames(transcoder_at(server), whole_clip) == [0.5, 2.5]
    assert server.calls.count("PUT resubmit") == 1


def test_what_was_told_of_the_first_try_does_not_end_the_second(server: ZencoderServer, whole_clip: Path) -> None:
    server.fails = 1
    told = []

    def ended(_order: uuid.UUID) -> str | None:
        told.extend(["failed"] if server.jobs[1].state == "failed" else [])
        return told[0] if told else None

    transcoder = transcoder_at(server, ended=ended, poll_s=0.5)
    assert frames(transcoder, whole_clip) == [0.5, 2.5]


def test_a_job_that_fails_again_is_given_up(server: ZencoderServer, whole_clip: Path) -> None:
    server.fails = 9

    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoding_failed"
    assert server.jobs[1].tries == 2


def test_a_job_that_finished_after_all_cannot_be_tried_again_and_counts(
    server: ZencoderServer, whole_clip: Path
) -> None:
    def told(_order: uuid.UUID) -> str | None:
        return "failed" if server.jobs[1].state == "finished" else None  # told late, of an earlier try

    assert frames(transcoder_at(server, ended=told, poll_s=60.0), whole_clip) == [0.5, 2.5]
    assert server.calls.count("PUT resubmit") == 1


def test_a_job_that_never_ends_is_cancelled(server: ZencoderServer, whole_clip: Path) -> None:
    server.stuck = True

    assert refused(lambda: frames(transcoder_at(server, patience_s=0.3), whole_clip)) == "transcoder_unavailable"
    assert server.jobs[1].state == "cancelled"


def test_cancelling_what_has_finished_is_no_fault(server: ZencoderServer, whole_clip: Path) -> None:
    frames(transcoder_at(server), whole_clip)
    api = ZencoderApi(KEY, server.base_url)

    assert not api.cancel(1)
    assert not api.resubmit(1)


def test_a_clip_that_ends_early_lacks_its_last_frames(server: ZencoderServer, whole_clip: Path) -> None:
    plan = FramePlan(Reading.EVERY, (0.5, 2.5, 30.0))

    assert frames(transcoder_at(server), whole_clip, plan) == [0.5, 2.5]


def test_more_than_a_hundred_frames_cannot_be_asked_for(server: ZencoderServer, whole_clip: Path) -> None:
    plan = FramePlan(Reading.EVERY, tuple(index / 30 for index in range(101)))

    with pytest.raises(ValueError, match="at most 100"):
        frames(transcoder_at(server), whole_clip, plan)
    assert not server.jobs


def test_what_comes_back_is_bounded_and_read_like_any_photo(server: ZencoderServer, whole_clip: Path) -> None:
    small = Limits(max_image_bytes=1000)
    assert refused(lambda: frames(transcoder_at(server), whole_clip, limits=small)) == "transcoding_failed"

    server.url = lambda _file: f"{server.address}/api/v2/jobs/1"  # type: ignore[method-assign]
    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoder_unavailable"

    def no_pictures(file: Path) -> str:
        file.write_bytes(b"<html>")
        return f"{server.address}/made/{file.relative_to(server.folder)}"

    server.url = no_pictures  # type: ignore[method-assign]
    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoding_failed"


INSIDE = ("http://127.0.0.2/a.jpg", "http://10.0.0.7/a.jpg", "http://169.254.169.254/a.jpg", "http://[::1]/a.jpg")


@pytest.mark.parametrize("address", [*INSIDE, "http://[", "http:///a.jpg"])
def test_an_address_inside_is_not_asked(address: str) -> None:
    api = ZencoderApi(KEY, "http://127.0.0.1:9/api/v2/")

    with pytest.raises(Refusal) as caught:
        list(api.fetch(address, 1000))
    assert "not safe to ask" in caught.value.detail


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/a.jpg", "/etc/hostname"])
def test_an_address_of_another_kind_is_not_asked(server: ZencoderServer, whole_clip: Path, address: str) -> None:
    server.url = lambda _file: address  # type: ignore[method-assign]

    assert refused(lambda: frames(transcoder_at(server), whole_clip)) == "transcoder_unavailable"


def test_a_copy_that_is_too_large_leaves_nothing_behind(
    server: ZencoderServer, whole_clip: Path, tmp_path: Path
) -> None:
    copy = Limits(evidence=DEFAULT_LIMITS.frames)  # of no bytes

    def make() -> object:
        return transcoder_at(server).evidence(whole_clip, probe(whole_clip), tmp_path, limits=copy)

    assert refused(make) == "transcoding_failed"
    assert list(tmp_path.iterdir()) == []


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(ZencoderApi(KEY))
