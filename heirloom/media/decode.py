"""Decode the chosen frames of a clip. Runs in the limited child process only; `transcode.ffmpeg` is the door."""

import io
import os
from collections import deque
from collections.abc import Iterator
from typing import Literal

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from heirloom.media import color, demux
from heirloom.media.plan import Reading, Wanted

SAME_TIME_S = 0.002
THREADS = min(4, os.cpu_count() or 1)
SKIPPED: dict[Reading, Literal["NONREF", "DEFAULT"]] = {Reading.REFERENCES: "NONREF", Reading.EVERY: "DEFAULT"}


def read_frames(source: io.RawIOBase, wanted: Wanted) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Yield the wanted frames that can be decoded, each as soon as it is: its seconds, and upright RGB.

    The pixels are (wanted.height, wanted.width, 3) uint8.
    Raises Refusal as `demux.opened` and `demux.picture_stream` do; MemoryError.
    """
    sideways = wanted.rotation in {90, 270}
    width, height = (wanted.height, wanted.width) if sideways else (wanted.width, wanted.height)
    scaler = VideoReformatter()
    with demux.opened(source, wanted.container) as container:
        stream = demux.picture_stream(container)
        for at_s, frame in _chosen(container, stream, wanted):
            yield max(0.0, at_s), _upright(color.rgb(frame, width, height, scaler), wanted)


def _upright(stored: NDArray[np.uint8], wanted: Wanted) -> NDArray[np.uint8]:
    straight = stored[:, ::-1] if wanted.mirrored else stored
    return np.ascontiguousarray(np.rot90(straight, -(wanted.rotation // 90)))


def _chosen(container: InputContainer, stream: VideoStream, wanted: Wanted) -> Iterator[tuple[float, VideoFrame]]:
    coder, start_s = stream.codec_context, demux.start_s(container)
    coder.thread_count = THREADS
    left, reading = deque(wanted.times_s), Reading(wanted.reading)
    if reading in SKIPPED:
        coder.skip_frame = SKIPPED[reading]
        coder.thread_type = ThreadType.AUTO  # the next frames while one is decoded, where its slices are too few
        return _passed(stream, _frames(container, stream, start_s, left, deque(wanted.leaps_s)), start_s, left)
    coder.thread_type = ThreadType.SLICE  # a keyframe is given out before the next is read
    find = _sought if reading is Reading.SEEKS else _met
    return _alone(stream, find(container, stream, start_s, left))


def _passed(
    stream: VideoStream, frames: Iterator[VideoFrame], start_s: float, left: deque[float]
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield for each time the first frame at or after it, each frame once."""
    for frame in frames:
        if frame.pts is None or frame.is_corrupt:
            continue
        at_s = demux.seconds(stream, frame.pts) - start_s  # frames that the end brings have no clock of their own
        if at_s >= left[0] - SAME_TIME_S:
            yield at_s, frame
        while left and left[0] <= at_s + SAME_TIME_S:
            left.popleft()
        if not left:
            return


def _frames(
    container: InputContainer, stream: VideoStream, start_s: float, left: deque[float], leaps: deque[float]
) -> Iterator[VideoFrame]:
    """Yield every frame that is decoded, in order, whatever the decoder says of those between.

    left: the times still wanted. From the last one before a leap on, nothing is decoded up to the keyframe it leads to.
    """
    leaping = False
    for packet in demux.packets(container, stream):
        leaping = leaping or bool(leaps and left and left[0] >= leaps[0] - SAME_TIME_S)
        if _lands(packet, start_s, leaps):
            if leaping:
                stream.codec_context.flush_buffers()
            leaping = False
        if not leaping:
            yield from demux.decoded(stream, packet)
    yield from demux.decoded(stream, None)


def _lands(packet: "Packet[VideoStream]", start_s: float, leaps: deque[float]) -> bool:
    """Say whether a packet is the keyframe of a leap, or one after it where the file does not hold what it said.

    Then that leap is behind, and every other up to there: frames before it may still be on their way.
    """
    at_s = demux.at_s(packet, start_s)
    if not packet.is_keyframe or at_s is None or not leaps or leaps[0] > at_s + SAME_TIME_S:
        return False
    while leaps and leaps[0] <= at_s + SAME_TIME_S:
        leaps.popleft()
    return True


def _alone(
    stream: VideoStream, found: Iterator[tuple[float, "Packet[VideoStream]"]]
) -> Iterator[tuple[float, VideoFrame]]:
    """Yield the frames of keyframes' packets, which need no other."""
    for at_s, packet in found:
        frame = demux.decoded_alone(stream, packet)
        if frame is not None:
            yield at_s, frame


def _met(
    container: InputContainer, stream: VideoStream, start_s: float, left: deque[float]
) -> Iterator[tuple[float, "Packet[VideoStream]"]]:
    """Yield the keyframes that stand at the times given, met in one pass over the packets."""
    for packet in demux.packets(container, stream):
        at_s = demux.at_s(packet, start_s)
        if at_s is None or not packet.is_keyframe:
            continue
        while left and left[0] < at_s - SAME_TIME_S:
            left.popleft()
        if not left:
            return
        if left[0] <= at_s + SAME_TIME_S:
            left.popleft()
            yield at_s, packet


def _sought(
    container: InputContainer, stream: VideoStream, start_s: float, left: deque[float]
) -> Iterator[tuple[float, "Packet[VideoStream]"]]:
    """Yield the keyframe at each of the times, or the next after it where the index of the file is not exact."""
    last_s = float("-inf")
    for time_s in left:
        try:
            container.seek(demux.ticks(stream, time_s + start_s + SAME_TIME_S), stream=stream)
        except av.FFmpegError:
            continue
        for packet in demux.packets(container, stream):
            at_s = demux.at_s(packet, start_s)
            if at_s is not None and packet.is_keyframe and at_s >= time_s - SAME_TIME_S:
                if at_s > last_s:
                    yield at_s, packet
                    last_s = at_s
                break
