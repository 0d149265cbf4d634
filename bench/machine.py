"""What a figure was measured on."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

PACKAGES = (
    "django",
    "uvicorn",
    "onnxruntime-gpu",
    "onnxruntime",
    "deepface",
    "dlib-bin",
    "numpy",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a section was measured. load: the machine's load average as the measuring began."""

    at: datetime
    commit: str
    load: float

    @classmethod
    def now(cls) -> Self:
        return cls(datetime.now(UTC), _commit(), os.getloadavg()[0])

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} UTC, commit {self.commit}, load average {self.load:.1f} at the start"


def described() -> list[tuple[str, str]]:
    """Return rows of what and which: processor, cores, memory, system, Python, packages."""
    return [
        ("processor", _processor()),
        ("cores", str(os.cpu_count())),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("Python", platform.python_version()),
        ("packages", ", ".join(_versions())),
        ("vision", "pack dlib on the CPU; no attack weights unless a reason below says otherwise"),
    ]


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except ModuleNotFoundError:
            continue
    return found
