"""How far the work on one capture is, told to its lease, and what its parts took."""

import time
from collections.abc import Iterable, Iterator, Sequence

from heirloom.jobs.services import Lease
from heirloom.media.types import Image

# Of a whole job, in percent: where the frames begin to be analyzed and where they are done.
ANALYZING, DECIDING = 10, 90


class Progress:
    """Frames are decoded and analyzed side by side, so the parts are told from the clock and not from sums."""

    def __init__(self, lease: Lease, most_frames: int) -> None:
        self._lease, self._most_frames = lease, most_frames
        self._started = time.monotonic()
        self._first_s = self._decoded_s = self._analyzed_s = 0.0
        lease.report("decoding", 5)

    @property
    def timings(self) -> dict[str, float]:
        """first_frame_s: until the first frame was analyzed. decode_s: until the last was decoded.

        analyze_s: from then until all were analyzed.
        """
        analyze_s = self._analyzed_s - self._decoded_s
        times = {"first_frame_s": self._first_s, "decode_s": self._decoded_s, "analyze_s": analyze_s}
        return {name: round(seconds, 3) for name, seconds in times.items()}

    def coming(self, images: Iterable[Image]) -> Iterable[Image]:
        """Return the images, taking note of when the last has come."""
        self._decoded_s = self._elapsed_s()
        return images if isinstance(images, Sequence) else self._noted(images)

    def analyzed(self, frames: int) -> None:
        """Take note that so many frames are analyzed by now."""
        self._analyzed_s = self._elapsed_s()
        self._first_s = self._first_s or self._analyzed_s
        share = min(1.0, frames / self._most_frames)
        self._lease.report("analyzing", round(ANALYZING + (DECIDING - ANALYZING) * share))

    def deciding(self) -> None:
        self._lease.report("deciding", DECIDING)

    def _noted(self, images: Iterable[Image]) -> Iterator[Image]:
        for image in images:
            self._decoded_s = self._elapsed_s()
            yield image

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started
