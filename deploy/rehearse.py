#!/usr/bin/env python
"""Run the Dockerfile's own steps in an empty folder, where there is no Docker: `deploy/rehearse.py FOLDER [STAGE]`.

COPY obeys .dockerignore, RUN runs in a shell with the stage's ENV, and the image's absolute folders lie under FOLDER.
What this cannot show: the base image itself. RUN steps that change the system (apt-get, useradd) are named and left
out, and the Python that runs this stands for the base image's.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("/app", "/venv", "/data", "/tmp")
SYSTEM = ("apt-get", "useradd")

Step = tuple[str, str]


def stages() -> dict[str, tuple[str, list[Step]]]:
    """Return each stage of the Dockerfile: its parent and its steps."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text()).replace("\\\n", " ")
    found: dict[str, tuple[str, list[Step]]] = {}
    steps: list[Step] = []
    for line in filter(str.strip, text.splitlines()):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            parent, _, name = rest.split()
            steps = []
            found[name] = (parent, steps)
        else:
            steps.append((word, rest))
    return found


def rehearse(name: str, folder: Path, environment: dict[str, str], done: set[str]) -> None:
    known = stages()
    if name not in known:
        return  # the base image
    parent, steps = known[name]
    rehearse(parent, folder, environment, done)
    if name in done:
        return
    done.add(name)
    print(f"== stage {name}", flush=True)
    for word, rest in steps:
        if word == "ENV":
            environment |= {key: here(value, folder, environment) for key, value in pairs(rest)}
        elif word == "COPY":
            if source := re.match(r"--from=(\S+)", rest):
                rehearse(source[1], folder, environment, done)
            else:
                copy(rest.split()[:-1], Path(here(rest.split()[-1], folder, environment)), folder)
        elif word == "RUN":
            run(rest, folder, environment)


def run(command: str, folder: Path, environment: dict[str, str]) -> None:
    if any(tool in command for tool in SYSTEM):
        print(f"-- left out: {command}", flush=True)
        return
    print(f"-- {command}", flush=True)
    workdir = folder / "app"
    workdir.mkdir(exist_ok=True)
    path = f"{folder}/venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = here(command, folder, environment).replace("python3.12/", f"python3.{sys.version_info.minor}/")
    subprocess.run(["sh", "-euc", command], cwd=workdir, env={**environment, "PATH": path}, check=True)


def copy(sources: list[str], target: Path, folder: Path) -> None:
    target = folder / "app" if target == Path() else target
    target.mkdir(parents=True, exist_ok=True)
    for path in context():
        if sources == ["."] or path.as_posix() in sources:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path)


def context() -> Iterator[Path]:
    """Yield the files that .dockerignore lets through: it names what is wanted with "!" and everything else is out."""
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    wanted = [rule[1:].rstrip("/") for rule in rules if rule.startswith("!")]
    for name in wanted:
        start = ROOT / name
        for path in [start] if start.is_file() else sorted(start.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                yield path.relative_to(ROOT)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (word.partition("=") for word in text.split())]


def here(text: str, folder: Path, environment: dict[str, str]) -> str:
    text = text.replace("$PATH", environment.get("PATH", os.environ["PATH"]))
    return re.sub(rf"(?<![\w./-])({'|'.join(PLACES)})(?=[/\s:]|$)", rf"{folder}\1", text)


def main() -> None:
    folder, stage = Path(sys.argv[1]).resolve(), (sys.argv[2:] or ["app"])[0]
    for place in PLACES:
        (folder / place[1:]).mkdir(parents=True, exist_ok=True)
    environment = {"HOME": str(folder), "LANG": "C.UTF-8", "PATH": os.environ["PATH"]}
    rehearse(stage, folder, environment, set())
    print(f"The steps of stage {stage} ran in {folder}.")


if __name__ == "__main__":
    main()
