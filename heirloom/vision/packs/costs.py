"""What a face costs with each pack, in times of the built-in one's: `python -m bench.packs --write` measures it."""

import json
from functools import cache
from pathlib import Path

DATA_FILE = Path(__file__).with_name("costs.json")


def relative(pack: str) -> float | None:
    """Return the time of one face, from pixels to template, as a multiple of dlib's; None where it was not measured."""
    return _measured().get(pack)


@cache
def _measured() -> dict[str, float]:
    packs: dict[str, float] = json.loads(DATA_FILE.read_text(encoding="utf-8"))["packs"]
    return packs
