"""Read what a clip says of itself. Runs in the limited child process only; `video.probe` is the door."""

import importlib
import io
import pkgutil
import re
from dataclasses import dataclass, field
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from heirloom.errors import Refusal
from heirloom.media import provenance
from heirloom.media.formats import CODECS, DEMUXER_NAMES, DEMUXERS
from heirloom.media.limits import Limits
from heirloom.media.sniff import sniff
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
        time = packet.pts if packet.pts is not None else packet.dts
        if time is None:
            return
        at_s = float(time * packet.time_base)
        length_s = float((packet.duration or 0) * packet.time_base)
        self.packets += 1
        self.first_s, self.last_s = min(self.first_s, at_s), max(self.last_s, at_s + length_s)
        if packet.is_keyframe:
            self.keyframes_s.append(at_s)


def read_facts(source: io.RawIOBase, head: bytes, limits: Limits) -> ClipFacts:
    """Return the facts of a clip by reading its packets, and decoding one frame.

    head: the start of the file, as `sniff` takes it.
    Raises Refusal unsupported_format, invalid_video, no_video_frames, clip_too_long, clip_incomplete, too_many_pixels
    or too_many_frames.
    """
    media_type = sniff(head)
    options = {"format_whitelist": DEMUXER_NAMES, "protocol_whitelist": "none"}
    source.seek(0)
    try:
        container = av.open(
            source,
            "r",
            format=DEMUXERS[media_type.extension],
            container_options=options,
            metadata_errors="replace",
            buffer_size=READ_BYTES,
        )
    except av.FFmpegError as error:
        raise Refusal("invalid_video") from error
    with container:
        stream = _picture_stream(container)
        stated_s = _stated_duration_s(container, stream)
        limits.check_duration(stated_s)
        limits.check_clip_size(stream.codec_context.width, stream.codec_context.height)
        span, frame = _read(container, stream, limits)
        start_s = (container.start_time or 0) / av.time_base
        read_share = _read_share(span, start_s, stated_s)
        if read_share < limits.min_decoded_share:
            raise Refusal("clip_incomplete")
        if frame is None:
            raise Refusal("invalid_video")
        width, height, rotation = _upright(stream, frame)
        limits.check_clip_size(width, height)
        return ClipFacts(
            duration_s=round(span.last_s - start_s, ROUNDED),
            width=width,
            height=height,
            rotation=rotation,
            codec=stream.codec_context.name,
            container=media_type.extension,
            frames_per_s=round(_frames_per_s(stream, span), 3),
            keyframes_at_s=tuple(round(max(0.0, at_s - start_s), ROUNDED) for at_s in sorted(span.keyframes_s)),
            stream=stream.index,
            provenance=provenance.of_clip([container.metadata, *(each.metadata for each in container.streams)]),
            read_share=round(read_share, 3),
        )


def _picture_stream(container: InputContainer) -> VideoStream:
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
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            span.add(packet)
            if span.packets > limits.max_packets:
                raise Refusal("too_many_frames")
            limits.check_duration(span.last_s - span.first_s)
            if frame is None and packet.is_keyframe and tried < KEYFRAMES_TRIED:
                tried += 1
                frame = _decoded(stream, packet)
    except av.FFmpegError:
        pass  # the file breaks off here; how much of it was there decides
    return span, frame


def _decoded(stream: VideoStream, packet: "Packet[VideoStream]") -> VideoFrame | None:
    """Return the frame of a keyframe's packet, at once: the decoder is told that no other follows."""
    try:
        frames = [*stream.codec_context.decode(packet), *stream.codec_context.decode(None)]
    except av.FFmpegError:
        frames = []  # one damaged frame; a later one may do
    stream.codec_context.flush_buffers()
    return frames[0] if frames else None


def _read_share(span: Span, start_s: float, stated_s: float) -> float:
    """Return how much of the length stated was there, 0 to 1. Raises Refusal for a clip without pictures.

    Some containers state how long the pictures last and some when they end; the larger of the two is held against it.
    Not all say how long the last picture stands; it is given the time of an average one.
    """
    if span.packets == 0:
        raise Refusal("clip_incomplete" if stated_s > 0 else "no_video_frames")
    read_s = span.last_s - min(start_s, span.first_s)
    return min(1.0, (read_s + read_s / span.packets) / stated_s) if stated_s > 0 else 1.0


def _upright(stream: VideoStream, frame: VideoFrame) -> tuple[int, int, int]:
    """Return width and height in square pixels, and the degrees clockwise that bring the stored picture upright."""
    shape = stream.sample_aspect_ratio or Fraction(1)
    width, height = max(1, round(frame.width * shape)), frame.height
    rotation = round(-frame.rotation / 90) * 90 % 360
    return (height, width, rotation) if rotation in {90, 270} else (width, height, rotation)


def _frames_per_s(stream: VideoStream, span: Span) -> float:
    length_s = span.last_s - span.first_s
    return float(stream.average_rate) if stream.average_rate else span.packets / length_s if length_s > 0 else 0.0
