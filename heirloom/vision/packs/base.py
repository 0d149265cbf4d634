"""What a pack is: a detector and a recogniser that were measured together."""

from dataclasses import dataclass

from heirloom.vision.detection import Detector
from heirloom.vision.features import Recogniser


@dataclass(frozen=True, slots=True)
class Pack:
    name: str
    detector: Detector
    recogniser: Recogniser

    def load(self) -> None:
        """Bring all weights into memory."""
        self.detector.load()
        self.recogniser.load()
