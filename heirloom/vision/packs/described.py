"""Files of an installation's own: `<models>/onnx/<name>.toml` describes a recogniser or a detector beside it.

Every description holds `file`, `sha256`, `licence` and `commercial_use`; external data is named in `data_file` and
`data_sha256`. A recogniser adds `dimensions`, and `contract`, one of contracts.toml; any part of that contract may be
given beside it. `detector` names whose points align its faces. A detector says `kind = "detector"` and its `head`, one
of heads.HEADS; `color`, `layout`, `mean` and `std` where they differ from what the head's makers published.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heirloom.vision import catalog
from heirloom.vision.catalog import State
from heirloom.vision.contracts import DEFAULT, FEED_KEYS, Contract, contract_of, contracts, feed_of
from heirloom.vision.feed import Feed
from heirloom.vision.packs.heads import HEADS, Head

FOLDER = "onnx"
PREFIX = "onnx:"
_FILE_KEYS = ("file", "sha256", "licence", "commercial_use", "data_file", "data_sha256")


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One graph that somebody put there, with the hash it is held to."""

    name: str
    file: Path
    sha256: str
    licence: str
    commercial_use: bool
    data_file: Path | None = None
    data_sha256: str = ""

    @property
    def state(self) -> State:
        states = [_state(self.file, self.sha256)]
        if self.data_file is not None:
            states.append(_state(self.data_file, self.data_sha256))
        return max(states, key=list(State).index)

    def checked(self) -> Path:
        """Return where the file lies; raises Refusal "weights_missing" or "weights_altered" unless it is intact."""
        catalog.require(self.name, self.state)
        return self.file


@dataclass(frozen=True, slots=True)
class RecogniserFile:
    """detector: whose points align its faces, "" = the best that is installed."""

    own: OwnFile
    dimensions: int
    contract: Contract
    detector: str = ""

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.own.name}"

    @property
    def model(self) -> str:
        """The name of its templates: another file under the same name makes other templates."""
        return f"{self.name}-{self.own.sha256[:8]}"


@dataclass(frozen=True, slots=True)
class DetectorFile:
    own: OwnFile
    head: Head
    feed: Feed

    @property
    def name(self) -> str:
        return self.own.name


def recognisers(models_dir: Path) -> tuple[RecogniserFile, ...]:
    """Return the described recognisers, whether or not their files are intact; raises as `read` does."""
    return tuple(each for each in _all(models_dir) if isinstance(each, RecogniserFile))


def detectors(models_dir: Path) -> tuple[DetectorFile, ...]:
    """Return the described detectors, whether or not their files are intact; raises as `read` does."""
    return tuple(each for each in _all(models_dir) if isinstance(each, DetectorFile))


def read(path: Path) -> RecogniserFile | DetectorFile:
    """Return what one description says; the files it names lie beside it.

    Raises ValueError, naming the description, where it does not say what it must or says what nothing understands.
    """
    try:
        row = tomllib.loads(path.read_text())
        own = _own_file(path, row)
        rest = {key: value for key, value in row.items() if key not in _FILE_KEYS}
        return _detector(own, rest) if rest.pop("kind", "recogniser") == "detector" else _recogniser(own, rest)
    except KeyError as error:
        raise ValueError(f"{path.name}: {error.args[0]} is missing or unknown") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def _all(models_dir: Path) -> tuple[RecogniserFile | DetectorFile, ...]:
    return tuple(read(path) for path in sorted((models_dir / FOLDER).glob("*.toml")))


def _own_file(path: Path, row: Mapping[str, Any]) -> OwnFile:
    data_file = path.parent / Path(row["data_file"]).name if "data_file" in row else None
    return OwnFile(
        path.stem,
        path.parent / Path(row["file"]).name,
        str(row["sha256"]).lower(),
        str(row["licence"]),
        row["commercial_use"] is True,
        data_file,
        str(row.get("data_sha256", "")).lower(),
    )


def _recogniser(own: OwnFile, rest: dict[str, Any]) -> RecogniserFile:
    base = contracts()[rest.pop("contract", DEFAULT)]
    dimensions, detector = int(rest.pop("dimensions")), str(rest.pop("detector", ""))
    return RecogniserFile(own, dimensions, contract_of(rest, base), detector)


def _detector(own: OwnFile, rest: dict[str, Any]) -> DetectorFile:
    head = HEADS[rest.pop("head")]
    if unknown := rest.keys() - FEED_KEYS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    return DetectorFile(own, head, feed_of(rest, head.feed))


def _state(path: Path, sha256: str) -> State:
    if not path.is_file():
        return State.MISSING
    return State.OK if catalog.file_sha256(path) == sha256 else State.WRONG_HASH
