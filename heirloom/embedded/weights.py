"""The one attempt of a new machine to get the recommended vision pack and the attack model."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from heirloom.errors import Refusal
from heirloom.vision import catalog

ATTACK_WEIGHTS = ("minifasnet-v2", "minifasnet-v1se")
_FIRST_WITHIN_S = 6.0
_ALL_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was pulled, and why the rest was not ("" = all of it was)."""

    pulled: tuple[str, ...]
    why_not: str


def pull_once(var: Path, models_dir: Path) -> Attempt | None:
    """Try once in the life of an installation, and briefly, to pull the recommended weights; None if tried before.

    The smallest file comes first and has a few seconds: where it does not arrive, nothing else is asked for.
    """
    marker = var / "recommended_weights_tried"
    if marker.exists():
        return None
    marker.touch(mode=0o600)
    attempt = _Pull(models_dir)
    attempt.start()
    attempt.join(_FIRST_WITHIN_S)
    if attempt.pulled:
        attempt.join(_ALL_WITHIN_S)
    why_not = attempt.why_not or ("no answer in time" if attempt.is_alive() else "")
    return Attempt(tuple(attempt.pulled), why_not)


class _Pull(threading.Thread):
    """A thread that is left behind when it takes too long: a name server's silence has no time limit of its own."""

    def __init__(self, models_dir: Path) -> None:
        super().__init__(name="pull of weights", daemon=True)
        self._models_dir = models_dir
        self.pulled: list[str] = []
        self.why_not = ""

    def run(self) -> None:
        deadline = time.monotonic() + _ALL_WITHIN_S
        timeout_s = _FIRST_WITHIN_S - 1
        for name in ("yunet", *ATTACK_WEIGHTS, "sface"):
            try:
                catalog.pull(name, self._models_dir, timeout_s)
            except Refusal as refusal:
                self.why_not = refusal.detail
                return
            self.pulled.append(name)
            timeout_s = max(deadline - time.monotonic(), 1.0)
