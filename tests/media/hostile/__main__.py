"""Write the hostile files into a folder, one for each class, and print the table of docs/hostile-files.md."""

import sys
from collections import Counter
from pathlib import Path

from tests.media.hostile.corpus import KINDS
from tests.media.hostile.made import Bait


def main(folder: Path) -> None:
    bait = Bait(folder.resolve() / "canary.jpg", ("127.0.0.1:9",))
    folder.mkdir(parents=True, exist_ok=True)
    bait.canary.write_bytes(b"nobody may read this")
    for line in table(bait, folder):
        sys.stdout.write(f"{line}\n")


def table(bait: Bait, folder: Path | None = None) -> list[str]:
    """Return a row for each class: its name, what it is, how many files, what they meet. Written to folder if given."""
    lines = ["| class | what | files | what they meet |", "|---|---|---|---|"]
    total = 0
    for kind in KINDS:
        met: Counter[str] = Counter()
        files = list(kind.build(bait))
        for number, hostile in enumerate(files):
            met.update(hostile.meets)
            if folder is not None:
                (folder / kind.name).mkdir(exist_ok=True)
                (folder / kind.name / f"{number:03}{Path(hostile.name).suffix[:6]}").write_bytes(hostile.data)
        codes = ", ".join(code if code == "accepted" else f"`{code}`" for code in sorted(met))
        lines.append(f"| {kind.name} | {kind.about} | {len(files)} | {codes} |")
        total += len(files)
    return [*lines, f"| {len(KINDS)} classes | | {total} | |"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
