"""The runtime: a batch against its rows one by one, calls that share runs, shapes that are fixed, and its memory."""

import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import psutil

from bench.figures import COLUMNS, Goal, Section, Series, ratio, series, timed
from bench.portraits import packaged
from heirloom.embedded import cuda_probe
from heirloom.media.types import Image
from heirloom.vision import dlib_graphs
from heirloom.vision.batching import BATCHES, Policy
from heirloom.vision.detection import Pixels
from heirloom.vision.engine import VisionConfig, VisionEngine
from heirloom.vision.packs import pyramid
from heirloom.vision.runtime import CPU, CUDA, Network, Runtime
from heirloom.vision.types import AnalysisRequest
from heirloom.vision.vram import vram

RUNS = 5
FACES = BATCHES[-1]
CALLS, AT_ONCE, CHIPS = 48, 8, 6
LOADS, PICTURES, SIDES_PX = 50, 200, (64, 640)
SHARE_WANTED = 1 / 2.5
WAIT_S = 0.010
_MIB = 1 << 20


def measure(models_dir: Path, device: str) -> Section:
    """Measure the built-in pack's networks on "cpu" or "cuda".

    Raises RuntimeError where CUDA is asked for and does not run: the CPU's figures must not stand for a GPU's.
    """
    if device == CUDA and not cuda_probe.runs():
        raise RuntimeError("CUDA does not run here: see `python -m heirloom.embedded.cuda_probe`.")
    chips = np.random.default_rng(1).integers(0, 255, (FACES, 150, 150, 3), np.uint8)
    share, batch = _batch(device, models_dir, chips)
    rows = [*batch, *_sharing(device, models_dir, chips[:CHIPS]), *_shapes(device, models_dir)]
    rows += [*_analyses(device, models_dir), _loads(device, models_dir), _sizes(device, models_dir)]
    goals = (Goal("time of one batch of 64 over 64 single calls", share, SHARE_WANTED),) if device == CUDA else ()
    notes = (
        f"Measured on {_named(device)}, in this process, on the built-in pack's networks; pairs are run in turn.",
        "By policy the product shares runs and fixes shapes on a GPU, and does neither on the CPU.",
    )
    name, title = ("runtime-gpu", "The runtime on a GPU") if device == CUDA else ("runtime", "The runtime")
    return Section(name, title, goals, COLUMNS, tuple(rows), notes)


def _named(device: str) -> str:
    if device == CPU:
        return "the CPU"
    asked = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    card = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip().replace(", ", ", driver ")
    return f"a GPU ({card or 'of an unknown kind'}; {os.cpu_count()} cores beside it)"


def _batch(device: str, models_dir: Path, chips: Pixels) -> tuple[float, list[tuple[str, ...]]]:
    network = _network(device, Policy(0, device == CUDA), dlib_graphs.descriptor_graph(models_dir))
    network.run(chips), network.run(chips[:1])
    whole, single = [], []
    for _ in range(RUNS):
        whole.append(timed(lambda: network.run(chips)))
        single.append(timed(lambda: [network.run(chips[k : k + 1]) for k in range(FACES)]))
    one, many = Series(tuple(whole)), Series(tuple(single))
    share, least, most = ratio(one, many)
    compared = ("batch / single calls", f"{share:.2f}", f"{least:.2f}", f"{most:.2f}", str(RUNS))
    return share, [one.row(f"a batch of {FACES} descriptors"), many.row(f"{FACES} single calls"), compared]


def _sharing(device: str, models_dir: Path, chips: Pixels) -> list[tuple[str, ...]]:
    """Calls of one face each from several threads, each on its own and sharing runs."""
    path = dlib_graphs.descriptor_graph(models_dir)
    networks = [_network(device, Policy(wait_s, device == CUDA), path) for wait_s in (0, WAIT_S)]
    taken: list[list[float]] = [[], []]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in range(RUNS + 1):
            for network, seconds in zip(networks, taken, strict=True):
                seconds.append(timed(partial(_at_once, threads, network, chips)))
    alone, shared = (Series(tuple(seconds[1:])) for seconds in taken)
    share, least, most = ratio(shared, alone)
    what = f"{CALLS} templates, {AT_ONCE} calls at once"
    compared = ("shared / each alone", f"{share:.2f}", f"{least:.2f}", f"{most:.2f}", str(RUNS))
    return [alone.row(f"{what}, each alone"), shared.row(f"{what}, sharing runs"), compared]


def _at_once(threads: ThreadPoolExecutor, network: Network, chips: Pixels) -> None:
    for _ in threads.map(network.run, [chips] * CALLS):
        pass


def _shapes(device: str, models_dir: Path) -> list[tuple[str, ...]]:
    """Pictures of many sizes as they are, and each in the corner of one of few shapes."""
    path = dlib_graphs.detector_graph(models_dir)
    networks = [_network(device, Policy(0, fixed), path) for fixed in (False, True)]
    pictures = _pictures(20)
    taken: list[list[float]] = [[], []]
    for _ in range(RUNS):
        for network, seconds in zip(networks, taken, strict=True):
            seconds.append(timed(partial(_scanned, network, pictures)))
    exact, fixed = (Series(tuple(seconds)) for seconds in taken)
    what = f"detection in {len(pictures)} pictures of as many sizes"
    return [exact.row(f"{what}, as they are"), fixed.row(f"{what}, in fixed shapes")]


def _scanned(network: Network, pictures: list[Pixels]) -> None:
    for each in pictures:
        pyramid.scan(network, each, 0.0)


def _analyses(device: str, models_dir: Path) -> list[tuple[str, ...]]:
    """Faces, their quality and their templates in frames of about 500 pixels: in one call, in several, one by one."""
    engine = VisionEngine(VisionConfig(models_dir=models_dir, device=device))
    engine.load()
    frames, request = _frames(), AnalysisRequest(want=frozenset({"template"}), main_face_only=True)
    shares = [frames[k::AT_ONCE] for k in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        rows = [
            series(lambda: engine.analyze(frames, request), RUNS).row(f"analysis of {FACES} frames in one call"),
            series(lambda: list(threads.map(lambda each: engine.analyze(each, request), shares)), RUNS).row(
                f"analysis of {FACES} frames in {AT_ONCE} calls at once"
            ),
            series(lambda: engine.analyze(frames[:1], request), 4 * RUNS).row("analysis of one frame"),
        ]
    engine.close()
    return rows


def _frames() -> list[Image]:
    """The packaged portraits, each time a little larger or smaller."""
    portraits = [portrait.pixels for portrait in packaged().values()]
    draw = random.Random(4)
    factors = [draw.uniform(0.8, 1.2) for _ in range(FACES)]
    resized = (cv2.resize(portraits[k % 2], None, fx=factor, fy=factor) for k, factor in enumerate(factors))
    return [Image(np.asarray(each, np.uint8)) for each in resized]


def _loads(device: str, models_dir: Path) -> tuple[str, ...]:
    runtime, path = Runtime(device), dlib_graphs.descriptor_graph(models_dir)
    used = []
    for _ in range(LOADS):
        runtime.network(path).run(np.zeros((4, 150, 150, 3), np.uint8))
        runtime.close()
        used.append(_used_mb(device))
    return _growth(f"memory more after {LOADS} loads and unloads than after {LOADS // 10}", used, LOADS // 10)


def _sizes(device: str, models_dir: Path) -> tuple[str, ...]:
    network = Runtime(device).network(dlib_graphs.detector_graph(models_dir))
    used = []
    for picture in _pictures(PICTURES):
        pyramid.scan(network, picture, 0.0)
        used.append(_used_mb(device))
    return _growth(
        f"memory more after {PICTURES} pictures of as many sizes than after {PICTURES // 4}", used, PICTURES // 4
    )


def _growth(what: str, used_mb: list[float], early: int) -> tuple[str, ...]:
    return (what, f"{used_mb[-1] - used_mb[early - 1]:.0f} MiB", "", "", f"{len(used_mb)}")


def _network(device: str, policy: Policy, path: Path) -> Network:
    return Runtime(device, policies={CPU: policy, CUDA: policy}).network(path)


def _pictures(count: int) -> list[Pixels]:
    draw = random.Random(3)
    return [np.zeros((draw.randint(*SIDES_PX), draw.randint(*SIDES_PX), 3), np.uint8) for _ in range(count)]


def _used_mb(device: str) -> float:
    card = vram() if device == CUDA else None
    return (card.used_bytes if card else psutil.Process().memory_info().rss) / _MIB
