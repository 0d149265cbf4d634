"""Read what a clip says of itself. Runs in the limited child process only; `video.probe` is the door."""

import importlib
import io
import math
import pkgutil
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.buffer import Buffer
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from heirloom.errors import Refusal
from heirloom.media import provenance
from heirloom.media.formats import CODECS, DEMUXER_NAMES, DEMUXERS
from heirloom.media.limits import Limits
from heirloom.media.sniff import AVI, sniff
from heirloom.media.types import ClipFacts

for _module in pkgutil.walk_packages(
    av.__path__, "av."
):  # PyAV imports some of them late, and the child may open no files
    if not _module.name.endswith("__main__"):
        importlib.import_module(_module.name)

KEYFRAMES_TRIED = 3
"""How many keyframes may be decoded to see one, which alone tells the rotation and the shape of a pixel."""
READ_BYTES = 2**18
NAMED_DURATION_TAG = "DURATION"
ROUNDED = 6
_CLOCK = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)


@dataclass(slots=True)
class Span:
    """The packets of one stream, in seconds of its own clock."""

    packets: int = 0
    first_s: float = float("inf")
    last_s: float = float("-inf")
    keyframes_s: list[float] = field(default_factory=list)

    def add(self, packet: "Packet[VideoStream]") -> None:
        begins_s = at_s(packet, 0.0)
        if begins_s is None:
            return
        length_s = float((packet.duration or 0) * packet.time_base)
        self.packets += 1
        self.first_s, self.last_s = min(self.first_s, begins_s), max(self.last_s, begins_s + length_s)
        if packet.is_keyframe:
            self.keyframes_s.append(begins_s)


def read_facts(source: io.RawIOBase, head: bytes, limits: Limits) -> ClipFacts:
    """Return the facts of a clip by reading its packets, and decoding one frame.

    head: the start of the file, as `sniff` takes it.
    Raises Refusal unsupported_format, invalid_video, no_video_frames, clip_too_long, clip_incomplete, too_many_pixels
    or too_many_frames.
    """
    media_type = sniff(head)
    with opened(source, media_type.extension) as container:
        stream = picture_stream(container)
        stated_s = _stated_duration_s(container, stream)
        limits.check_duration(stated_s)
        limits.check_clip_size(stream.codec_context.width, stream.codec_context.height)
        span, frame = _read(container, stream, limits)
        begins_s = start_s(container)
        read_share = _read_share(span, begins_s, stated_s)
        if read_share < limits.min_decoded_share:
            raise Refusal("clip_incomplete")
        if frame is None:
            raise Refusal("invalid_video")
        rotation, mirrored = orientation(frame)
        width, height = _upright_size(stream, frame, rotation)
        limits.check_clip_size(width, height)
        return ClipFacts(
            duration_s=round(span.last_s - begins_s, ROUNDED),
            width=width,
            height=height,
            rotation=rotation,
            codec=stream.codec_context.name,
            container=media_type.extension,
            frames_per_s=round(_frames_per_s(stream, span), 3),
            keyframes_at_s=tuple(round(max(0.0, at - begins_s), ROUNDED) for at in sorted(span.keyframes_s)),
            stream=stream.index,
            provenance=provenance.of_clip([container.metadata, *(each.metadata for each in container.streams)]),
            read_share=round(read_share, 3),
            mirrored=mirrored,
        )


@contextmanager
def opened(source: io.RawIOBase, extension: str) -> Iterator[InputContainer]:
    """Open a clip, read from its start as the container its extension names. Raises Refusal invalid_video."""
    source.seek(0)
    try:
        container = av.open(
            source,
            "r",
            format=DEMUXERS[extension],
            options={"skip_frame": "all"},  # opening alone decodes nothing; who reads on decodes what is needed
            container_options={"format_whitelist": DEMUXER_NAMES, "protocol_whitelist": "none"},
            metadata_errors="replace",
            buffer_size=READ_BYTES,
        )
    except av.FFmpegError as error:
        raise Refusal("invalid_video") from error
    with container:
        yield container


def start_s(container: InputContainer) -> float:
    """Return where the clip begins, in seconds of its own clock."""
    return (container.start_time or 0) / av.time_base


def at_s(packet: "Packet[VideoStream]", begins_s: float) -> float | None:
    """Return when a packet is shown, in seconds from the start of the clip; None where it does not say."""
    time = packet.pts if packet.pts is not None else packet.dts
    return None if time is None else float(time * packet.time_base) - begins_s


def seconds(stream: VideoStream, ticks: int) -> float:
    """Return a time in a stream's own ticks as seconds of its clock."""
    return float(ticks * (stream.time_base or Fraction(0)))


def ticks(stream: VideoStream, seconds: float) -> int:
    """Return seconds of a stream's clock in its own ticks."""
    return round(seconds / (stream.time_base or Fraction(1)))


def packets(container: InputContainer, stream: VideoStream) -> Iterator["Packet[VideoStream]"]:
    """Yield the packets of a stream until its end, or until where the file breaks off."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise


def picture_stream(container: InputContainer) -> VideoStream:
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not moving:
        raise Refusal("no_video_frames")
    chosen = next((stream for stream in moving if stream.disposition & Disposition.default), moving[0])
    if chosen.codec_context is None or _family(chosen) not in CODECS:
        raise Refusal(
            "invalid_video", "The clip is coded in a way that is not taken. H.264, HEVC, VP8, VP9 and AV1 are."
        )
    for other in container.streams:
        if other.index != chosen.index:
            other.discard = Discard.all
    return chosen


def _family(stream: VideoStream) -> str:
    return stream.codec_context.codec.canonical_name


def _stated_duration_s(container: InputContainer, stream: VideoStream) -> float:
    """Return what the header says, 0 where it says nothing, as a browser's recording does."""
    if container.format.name == AVI.extension and stream.frames and stream.average_rate:
        return float(stream.frames / stream.average_rate)  # its duration is mended by FFmpeg to what is there
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get(NAMED_DURATION_TAG)
    if tag is not None:
        named = _CLOCK.fullmatch(tag)
        if named is not None:  # a tag is anybody's to write; where it is no time the header's own number follows
            hours, minutes, seconds = named.groups()
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return float(Fraction(container.duration or 0, av.time_base))


def _read(container: InputContainer, stream: VideoStream, limits: Limits) -> tuple[Span, VideoFrame | None]:
    span, frame, tried = Span(), None, 0
    stream.thread_count = 1
    for packet in packets(container, stream):
        span.add(packet)
        if span.packets > limits.max_packets:
            raise Refusal("too_many_frames")
        limits.check_duration(span.last_s - span.first_s)
        if frame is None and packet.is_keyframe and tried < KEYFRAMES_TRIED:
            tried += 1
            frame = decoded_alone(stream, packet)
    return span, frame


def decoded_alone(stream: VideoStream, packet: "Packet[VideoStream]") -> VideoFrame | None:
    """Return the frame of a keyframe's packet at once, the decoder being told that no other follows; None if damaged.

    Raises MemoryError.
    """
    frames = [*decoded(stream, packet), *decoded(stream, None)]
    stream.codec_context.flush_buffers()
    return frames[0] if frames else None


def decoded(stream: VideoStream, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
    """Return what the decoder has ready after a packet, or at the end (None); nothing where the packet is damaged.

    Raises MemoryError.
    """
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise
        return []


def _read_share(span: Span, start_s: float, stated_s: float) -> float:
    """Return how much of the length stated was there, 0 to 1. Raises Refusal for a clip without pictures.

    Some containers state how long the pictures last and some when they end; the larger of the two is held against it.
    Not all say how long the last picture stands; it is given the time of an average one.
    """
    if span.packets == 0:
        raise Refusal("clip_incomplete" if stated_s > 0 else "no_video_frames")
    read_s = span.last_s - min(start_s, span.first_s)
    return min(1.0, (read_s + read_s / span.packets) / stated_s) if stated_s > 0 else 1.0


def orientation(frame: VideoFrame) -> tuple[int, bool]:
    """Return what brings a stored frame upright: degrees clockwise, after swapping left and right where True.

    By the display matrix, whose turn is taken as the nearest quarter.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if not isinstance(matrix, Buffer):
        return 0, False
    a, b, _, c, d = struct.unpack_from("=5i", matrix)  # libavutil/display.h
    mirrored = a * d - b * c < 0
    degrees = math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    return round(degrees / 90) * 90 % 360, mirrored


def _upright_size(stream: VideoStream, frame: VideoFrame, rotation: int) -> tuple[int, int]:
    """Return width and height in square pixels."""
    shape = stream.sample_aspect_ratio or Fraction(1)
    if shape == 1:  # the container says nothing else; the coded pictures may
        shape = stream.codec_context.sample_aspect_ratio or shape
    width, height = max(1, round(frame.width * shape)), frame.height
    return (height, width) if rotation in {90, 270} else (width, height)


def _frames_per_s(stream: VideoStream, span: Span) -> float:
    length_s = span.last_s - span.first_s
    return float(stream.average_rate) if stream.average_rate else span.packets / length_s if length_s > 0 else 0.0
