"""Frames and copies through Zencoder, a service elsewhere: it is given a link to the clip, and so sees all of it."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from heirloom.errors import Refusal
from heirloom.media.image import read_image
from heirloom.media.limits import MEGABYTE, Limits
from heirloom.media.plan import FramePlan, choose_frames
from heirloom.media.transcode import ffmpeg_evidence
from heirloom.media.transcode.base import Evidence
from heirloom.media.transcode.ffmpeg import find_ffmpeg
from heirloom.media.transcode.zencoder_api import ENDED, Details, ZencoderApi
from heirloom.media.types import ClipFacts, Image

logger = logging.getLogger(__name__)
MOST_THUMBNAILS = 100
"""Of one set, by Zencoder's own limit."""
MOST_FRAMES_PER_S, MOST_VIDEO_KBPS, SOUND_KBPS = 30, 1500, 64
LEAST_WIDTH = 160
"""Of the copy that every job makes, where only its thumbnails are wanted."""


@dataclass(frozen=True, slots=True)
class Notified:
    """Where Zencoder tells of the end of a job: an address, and headers that show that it was told by us to do so."""

    address: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ZencoderTranscoder:
    """A Transcoder elsewhere.

    offered: gives an address at which a clip can be fetched until its context is left.
    notified: where the end of an order is told; None: it is asked for only.
    ended: the state that was told of an order, None so far.
    binary: the ffmpeg program here, which strips what comes back.
    patience_s: how long a job may take before it is cancelled; poll_s and look_s: how often Zencoder is asked, and how
    often it is looked whether it has told.
    """

    api: ZencoderApi
    offered: Callable[[Path], AbstractContextManager[str]]
    notified: Callable[[uuid.UUID], Notified] | None = None
    ended: Callable[[uuid.UUID], str | None] = lambda _order: None
    binary: str | None = None
    patience_s: float = 900.0
    poll_s: float = 5.0
    look_s: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def frames(
        self, clip: Path, facts: ClipFacts, plan: FramePlan, *, max_side: int, limits: Limits
    ) -> Sequence[Image]:
        """Return the planned frames, as `Transcoder.frames` promises. Raises ValueError for more than 100."""
        thumbnails = [_thumbnails(facts, plan.times_s, max_side)]
        output = {"label": "frames", "skip_audio": True, "width": LEAST_WIDTH, "thumbnails": thumbnails}
        with self._done(clip, output) as job:
            return self._pictures(job, facts, plan.times_s, max_side, limits)

    def evidence(self, clip: Path, facts: ClipFacts, folder: Path, *, limits: Limits) -> Evidence:
        """Return the copy that people look at, as `Transcoder.evidence` promises."""
        side, times_s = limits.max_evidence_side, choose_frames(facts, 1).times_s
        output = _copy(side) | {"thumbnails": [_thumbnails(facts, times_s, side)]}
        fetched, copy = folder / "fetched.mp4", folder / "evidence.mp4"
        with self._done(clip, output) as job:
            posters = self._pictures(job, facts, times_s, side, limits)
            if not posters or "evidence" not in job.outputs:
                raise Refusal("transcoding_failed")
            try:
                with fetched.open("xb") as file:
                    file.writelines(self.api.fetch(job.outputs["evidence"], limits.evidence.file_mb * MEGABYTE))
                ffmpeg_evidence.rewrap(fetched, copy, limits=limits, binary=find_ffmpeg(self.binary))
            finally:
                fetched.unlink(missing_ok=True)
        return Evidence(copy, posters[0])

    @contextmanager
    def _done(self, clip: Path, output: Mapping[str, Any]) -> Iterator[Details]:
        """Have a job done of one output, and give what it made; the clip is offered for no longer than that."""
        order = uuid.uuid4()
        with self.offered(clip) as address:
            asked = {"input": address, "private": True, "download_connections": 1, "pass_through": str(order)}
            job = self.api.create({**asked, **self._notifications(order), "outputs": [output]})
            try:
                details = self._finished(job, order)
            except BaseException:
                with suppress(Refusal):
                    self.api.cancel(job)
                raise
        yield details

    def _notifications(self, order: uuid.UUID) -> Mapping[str, Any]:
        if self.notified is None:
            return {}
        told = self.notified(order)
        return {"notifications": [{"url": told.address, "format": "json", "headers": dict(told.headers)}]}

    def _finished(self, job: int, order: uuid.UUID) -> Details:
        """Wait for the end of a job. One that failed is tried once more: its download may have broken off."""
        ends_at = time.monotonic() + self.patience_s
        state = self._waited(job, ends_at, lambda: self.ended(order))
        if state == "failed":
            again = self.api.resubmit(job)
            # What was told was told of the first try; and one that cannot be tried again has finished after all.
            state = self._waited(job, ends_at, lambda: None) if again else self.api.progress(job).state
        if state != "finished":
            raise Refusal("transcoding_failed")
        return self.api.details(job)

    def _waited(self, job: int, ends_at: float, told: Callable[[], str | None]) -> str:
        """Return the state in which a job ended: as it is told, else as it is asked for now and then."""
        ask_at = time.monotonic() + self.poll_s
        while time.monotonic() < ends_at:
            if (state := told()) in ENDED:
                return str(state)
            if time.monotonic() >= ask_at:
                ask_at = time.monotonic() + self.poll_s
                if (state := self._asked(job)) in ENDED:
                    return str(state)
            self.sleep(self.look_s)
        raise Refusal("transcoder_unavailable", "The transcoder did not finish in time.")

    def _asked(self, job: int) -> str | None:
        """Return the state of a job; None while Zencoder cannot be reached, which a job that goes on does not mind."""
        try:
            return self.api.progress(job).state
        except Refusal as refusal:
            if refusal.code not in {"transcoder_unavailable", "transcoder_busy"}:
                raise
            logger.warning("job %d of the transcoder cannot be asked for: %s", job, refusal)
            return None

    def _pictures(
        self, job: Details, facts: ClipFacts, times_s: Sequence[float], max_side: int, limits: Limits
    ) -> list[Image]:
        """Return the thumbnails of a job as frames. Where a clip ends early, those that are missing are the last."""
        held = replace(limits, max_still_side=max_side)
        images = []
        for address, at_s in zip(sorted(job.thumbnails, key=_number), times_s, strict=False):
            data = b"".join(self.api.fetch(address, limits.max_image_bytes))
            try:
                pixels = read_image(data, held).pixels
            except Refusal as refusal:
                raise Refusal("transcoding_failed") from refusal
            images.append(Image(pixels, max(pixels.shape[:2]) / max(facts.width, facts.height), at_s))
        return images


def _copy(side: int) -> dict[str, Any]:
    return {
        "label": "evidence",
        "format": "mp4",
        "video_codec": "h264",
        "h264_profile": "main",
        "audio_codec": "aac",
        "width": side,
        "height": side,
        "max_frame_rate": MOST_FRAMES_PER_S,
        "max_video_bitrate": MOST_VIDEO_KBPS,
        "audio_bitrate": SOUND_KBPS,
        "color_metadata": "discard",
    }


def _thumbnails(facts: ClipFacts, times_s: Sequence[float], max_side: int) -> dict[str, Any]:
    if len(times_s) > MOST_THUMBNAILS:
        raise ValueError(f"at most {MOST_THUMBNAILS} frames, got {len(times_s)}")
    scale = min(1.0, max_side / max(facts.width, facts.height))
    size = "x".join(str(max(1, round(side * scale))) for side in (facts.width, facts.height))
    return {"label": "frames", "format": "jpg", "times": list(times_s), "size": size, "aspect_mode": "stretch"}


def _number(address: str) -> int:
    """Return where in its set a thumbnail stands: the last number in its file's name."""
    found = re.findall(r"\d+", urlsplit(address).path.rpartition("/")[2])
    return int(found[-1]) if found else 0
