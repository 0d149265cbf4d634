"""Our decoding against the ffmpeg program in the same mode, in turns; and what the limited child takes of memory."""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from bench.figures import COLUMNS, Goal, Section, Series, ratio, timed
from bench.films import FULL_HD, ULTRA_HD, films
from bench.portraits import Portrait
from heirloom.media import sandbox
from heirloom.media.limits import DEFAULT_LIMITS
from heirloom.media.plan import FramePlan, Reading, choose_frames
from heirloom.media.transcode.ffmpeg import FfmpegTranscoder, find_ffmpeg
from heirloom.media.types import ClipFacts
from heirloom.media.video import probe, sample

RUNS = 5
FRAMES = 8
"""As many as a verification looks at."""
RATIO_WANTED = 1.3
MOST_MB = 300.0
LOOK_EVERY_S = 0.002
SKIPPED = {Reading.KEYFRAMES: "nokey", Reading.SEEKS: "nokey", Reading.REFERENCES: "noref", Reading.EVERY: "default"}
NOTES = (
    "Theirs is `ffmpeg -skip_frame ... -f null`, leaving out the same frames: it decodes, and hands nothing on.",
    """\
Ours is what a verification waits for: the child forked, the file opened, the chosen frames decoded, scaled, brought to
RGB and handed over; but without the leaps between keyframes far apart, which ffmpeg cannot do. The child's memory is
the peak of its resident set, with the decoders' libraries that it shares with its siblings.""",
)


def measure(portrait: Portrait, folder: Path) -> Section:
    rows: list[tuple[str, ...]] = []
    goals: list[Goal] = []
    for film in (*films(FULL_HD), *films(ULTRA_HD)):
        clip = film.shot(portrait, folder)
        facts = probe(clip)
        plan = replace(choose_frames(facts, FRAMES), leaps_s=())
        ours, theirs = _in_turns(partial(_ours, clip, facts, plan), partial(_ffmpeg, clip, plan.reading))
        rows += [ours.row(f"ours, {film} ({plan.reading})"), theirs.row(f"ffmpeg, {film} ({plan.reading})")]
        goals.append(Goal(f"ours / ffmpeg, {film}", ratio(ours, theirs)[0], RATIO_WANTED))
        if film.size == ULTRA_HD:
            peak_mb = _peak_mb(clip, facts)
            goals.append(Goal(f"decode child's memory, {film}", peak_mb, MOST_MB, unit=" MB"))
    return Section("decoding", "Decoding", tuple(goals), COLUMNS, tuple(rows), NOTES)


def _in_turns(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[Series, Series]:
    ours(), theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(RUNS)]
    return Series(tuple(one for one, _ in pairs)), Series(tuple(other for _, other in pairs))


def _ours(clip: Path, facts: ClipFacts, plan: FramePlan) -> None:
    limits = DEFAULT_LIMITS
    for _ in FfmpegTranscoder().frames(clip, facts, plan, max_side=limits.max_frame_side, limits=limits):
        pass


def _ffmpeg(clip: Path, reading: Reading) -> None:
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-skip_frame", SKIPPED[reading], "-i", str(clip)]
    subprocess.run([*command, "-map", "0:v:0", "-f", "null", "-"], check=True)


def _peak_mb(clip: Path, facts: ClipFacts) -> float:
    """Return the largest resident set of the child that decodes a clip, watched while it does."""
    over = threading.Event()
    peaks: list[float] = []
    watcher = threading.Thread(target=_watch, args=(over, peaks))
    watcher.start()
    sample(clip, facts, count=FRAMES)
    over.set()
    watcher.join()
    return max(peaks)


def _watch(over: threading.Event, peaks: list[float]) -> None:
    server = psutil.Process(sandbox.server_pid())
    while not over.wait(LOOK_EVERY_S):
        for child in server.children():
            with suppress(FileNotFoundError, ProcessLookupError):
                lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
                peaks += [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
