"""What a received file may cost, and the public code each limit answers with."""

from dataclasses import dataclass

from heirloom.errors import Refusal

MEGABYTE = 2**20


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one child process may use.

    memory_mb: address space beyond what the child starts with.
    wall_s: after this the child is killed, whatever it waits for.
    file_mb: how much it may write into the one file it is handed; 0: it can write no file.
    reserves: it may map more addresses than memory_mb, as CUDA does, but not use them.
    stands_back: nobody waits for it: others get the processor first, and it counts for none of the children at once.
    """

    cpu_s: int
    wall_s: float
    memory_mb: int
    file_mb: int = 0
    reserves: bool = False
    stands_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what is received (bytes, pixels, seconds) and on what decoding it may use.

    max_pixels holds for stills; a clip is held by max_clip_side, either way up.
    max_still_side and max_frame_side bound the long side of the pixels that leave this room.
    A clip is refused if less than min_decoded_share of it can be read, and noted if less than whole_share.
    max_packets bounds what is demuxed of one clip: ten minutes at 240 frames a second, with sound.
    max_evidence_side bounds the copy of a clip that people look at; evidence.file_mb holds ten minutes of it.
    """

    max_image_bytes: int = 25 * MEGABYTE
    max_clip_bytes: int = 2048 * MEGABYTE
    max_pixels: int = 50_000_000
    max_still_side: int = 2048
    max_clip_side: int = 4096
    max_frame_side: int = 1280
    max_evidence_side: int = 1280
    max_clip_s: float = 600.0
    max_frames: int = 16
    max_packets: int = 400_000
    min_decoded_share: float = 0.8
    whole_share: float = 0.97
    still: Allowance = Allowance(cpu_s=10, wall_s=20.0, memory_mb=1024)
    probe: Allowance = Allowance(cpu_s=15, wall_s=30.0, memory_mb=512)
    frames: Allowance = Allowance(cpu_s=120, wall_s=90.0, memory_mb=2048)
    evidence: Allowance = Allowance(cpu_s=1200, wall_s=900.0, memory_mb=2048, file_mb=160, stands_back=True)

    def check_image_bytes(self, size: int) -> None:
        """Raise Refusal empty_file or too_many_bytes."""
        _check_bytes(size, self.max_image_bytes)

    def check_clip_bytes(self, size: int) -> None:
        """Raise Refusal empty_file or too_many_bytes."""
        _check_bytes(size, self.max_clip_bytes)

    def check_pixels(self, width: int, height: int) -> None:
        """Raise Refusal too_many_pixels for a still, or invalid_image where a side is not positive."""
        if width < 1 or height < 1:
            raise Refusal("invalid_image")
        if width * height > self.max_pixels:
            raise Refusal("too_many_pixels")

    def check_clip_size(self, width: int, height: int) -> None:
        """Raise Refusal too_many_pixels for a clip, or invalid_video where a side is not positive."""
        if width < 1 or height < 1:
            raise Refusal("invalid_video")
        if max(width, height) > self.max_clip_side:
            raise Refusal("too_many_pixels", f"Clips may measure {self.max_clip_side} pixels at the longer side.")

    def check_duration(self, seconds: float) -> None:
        """Raise Refusal clip_too_long."""
        if seconds > self.max_clip_s:
            raise Refusal("clip_too_long", f"Clips may last {self.max_clip_s:g} seconds.")


def _check_bytes(size: int, most: int) -> None:
    if size == 0:
        raise Refusal("empty_file")
    if size > most:
        raise Refusal("too_many_bytes", f"At most {most / MEGABYTE:g} MB are taken.")


DEFAULT_LIMITS = Limits()
