"""Clips of somebody who turns the head and closes the eyes on demand, made from a photo or from the frames of a clip.

Nobody performs here: each frame is bent as a head in front of a camera would move, by a head of generic depth under
perspective, with hands that are not quite steady, light that flickers and a sensor that is noisy. The landmarks of the
source frame say where the head is; what a turn uncovers is not known and is stretched.
"""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import dlib
import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from heirloom.decision.challenge import Step
from heirloom.decision.gestures import Kind
from heirloom.vision.landmarks import Landmarks
from heirloom.vision.types import Box

Pixels = NDArray[np.uint8]
Points = NDArray[np.float64]

FRAME_RATE = 24
"""A second of a clip. Cameras give more, and each frame takes time to make."""
GRID = 32
"""So many points each way say how the picture is bent; between them it is bent evenly."""
EYES_APART_MM, CAMERA_MM = 64.0, 600.0
HALF_AXES_MM = np.array([82.0, 118.0, 95.0])
"""Half of an average head's breadth, height and depth, as an ellipsoid around the middle of the face."""
NOSE_MM = {27: 4.0, 28: 9.0, 29: 14.0, 30: 20.0, 31: 8.0, 32: 11.0, 33: 14.0, 34: 11.0, 35: 8.0}
"""How far the points of the nose stand out of that ellipsoid; the eyes lie SOCKET_MM in it."""
SOCKET_MM = 4.0
SWAY_DEG = 1.3
"""How far somebody who keeps still moves, as a standard deviation."""
PIVOT_MM = np.array([0.0, 45.0, -15.0])
"""Where the head turns on its neck, from the middle of the face: right, down, towards the camera."""

EYES = (36, 42)
"""Where the six points of each eye begin: its corner, two of the upper lid, the other corner, two of the lower lid."""
MEETING = 0.6
"""Where the lids meet, from the upper one's place (0) to the lower one's (1)."""
LASHES = 0.45
"""How dark a lash line is against the skin of its lid."""
TURNED = {
    Kind.TURN_LEFT: (1.0, 0.0),
    Kind.TURN_RIGHT: (-1.0, 0.0),
    Kind.LOOK_UP: (0.0, 1.0),
    Kind.LOOK_DOWN: (0.0, -1.0),
}
"""Yaw (positive to the image's right, the person's left) and pitch (positive up), as shares of an amplitude."""


@dataclass(frozen=True, slots=True)
class Performer:
    """How somebody performs. amplitude_deg: of a turn. reaction_s: from the instruction to the movement.

    move_s: to the turned pose, and back from it. hold_s: how long it is kept. noise: of the sensor, in gray levels.
    """

    amplitude_deg: float = 16.0
    reaction_s: float = 0.6
    move_s: float = 0.45
    hold_s: float = 0.7
    noise: float = 3.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Attitude:
    """Where the head is at one time: degrees, and how far the lids are closed, 0..1."""

    yaw: float = 0.0
    pitch: float = 0.0
    closed: float = 0.0


def selfie(frames: Sequence[Pixels], side: int = 400) -> tuple[list[Pixels], list[Points]]:
    """Return the largest face of a picture, or of a clip's frames, as a selfie shows it, and each frame's landmarks.

    side: pixels of the shorter side. Frames in which no face is found are left out.
    Raises ValueError where there is none in the first.
    """
    face = landmarked(frames[0])
    if face is None:
        raise ValueError("there is no face in this picture")
    middle, reach = face.mean(axis=0), 1.7 * float(np.ptp(face[:17, 0]))
    left, top = np.maximum(middle - reach, 0).astype(int)
    right, bottom = np.ceil(middle + reach).astype(int)
    near = [frame[top:bottom, left:right] for frame in frames]
    scale = side / min(near[0].shape[:2])
    small = [
        np.asarray(cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8) for each in near
    ]
    found = [(frame, points) for frame in small if (points := landmarked(frame)) is not None]
    return [frame for frame, _ in found], [points for _, points in found]


def landmarked(pixels: Pixels) -> Points | None:
    """Return the 68 landmarks of the largest face that dlib's HOG detector finds: the judge uses another detector."""
    found = _finder()(np.ascontiguousarray(pixels), 1)
    if not found:
        return None
    largest = max(found, key=lambda each: each.area())
    box = Box(largest.left(), largest.top(), largest.width(), largest.height())
    return _predictor().points68(pixels, box).astype(np.float64)


def performed(
    frames: Sequence[Pixels], landmarks: Sequence[Points], steps: Sequence[Step], seconds: float, performer: Performer
) -> Iterator[Pixels]:
    """Yield the frames of somebody who does the steps. landmarks: (68, 2) of each of `frames`, which are looped."""
    random = np.random.default_rng(performer.seed)
    drift = wander(random, round(seconds * FRAME_RATE))
    there_and_back = [*zip(frames, landmarks, strict=True)]
    there_and_back += there_and_back[-2:0:-1]
    for number, (frame, points) in enumerate(islice(cycle(there_and_back), len(drift))):
        attitude = attitude_at(number / FRAME_RATE, steps, performer)
        attitude = Attitude(attitude.yaw + drift[number, 0], attitude.pitch + drift[number, 1], attitude.closed)
        yield noisy(bent(frame, points, attitude), performer.noise, random)


def film(frames: Iterator[Pixels], path: Path, *, coding: Sequence[str] = ("-preset", "veryfast")) -> Path:
    """Write frames of one size (even sides) as a clip, in the format that the name's ending says."""
    first = next(frames)
    height, width = first.shape[0] // 2 * 2, first.shape[1] // 2 * 2
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(FRAME_RATE), "-i", "pipe:0"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *source, "-pix_fmt", "yuv420p", *coding, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as program:
        if program.stdin is None:
            raise RuntimeError("ffmpeg takes no input")
        for frame in (first, *frames):
            program.stdin.write(np.ascontiguousarray(frame[:height, :width]).tobytes())
        program.stdin.close()
    if program.returncode:
        raise RuntimeError(f"ffmpeg ended with {program.returncode}")
    return path


def bent(frame: Pixels, landmarks: Points, attitude: Attitude) -> Pixels:
    """Return the frame with its head turned by so much and its lids so far down."""
    frame = lidded(frame, landmarks, attitude.closed) if attitude.closed > 0 else frame
    outline, still = _surroundings(landmarks, frame.shape[1], frame.shape[0])
    scale = float(np.linalg.norm(_eye(landmarks, 42) - _eye(landmarks, 36))) / EYES_APART_MM
    middle = (_eye(landmarks, 36) + _eye(landmarks, 42) + landmarks[48] + landmarks[54]) / 4
    moved = _turned(np.concatenate([landmarks, outline]), middle, scale, attitude)
    return remapped(frame, np.concatenate([landmarks, outline, still]), np.concatenate([moved, still]))


def lidded(frame: Pixels, landmarks: Points, closed: float) -> Pixels:
    """Return the frame with both upper lids so far down, 0..1: skin from above the eye, and a line of lashes."""
    drawn = frame.astype(np.float32)
    for first in EYES:
        eye = landmarks[first : first + 6].astype(np.float64)
        upper, lower = eye[:4], eye[[0, 5, 4, 3]]
        open_px = float(np.linalg.norm((upper - lower)[1:3].mean(axis=0)))
        edge = upper + closed * MEETING * (lower - upper)
        x, y = np.round(upper[1:3].mean(axis=0) - np.array([0.0, 0.6 * open_px])).astype(int)
        reach = max(1, round(0.2 * open_px))
        skin = frame[y - reach : y + reach + 1, x - 2 * reach : x + 2 * reach + 1].reshape(-1, 3).mean(axis=0)
        lid = _filled(frame.shape[:2], _arc(upper - np.array([0.0, 0.35 * open_px])), _arc(edge), 0.08 * open_px)
        drawn += lid[..., None] * (skin - drawn)
        lashes = np.zeros(frame.shape[:2], np.float32)
        cv2.polylines(lashes, [_arc(edge)], False, 1.0, max(1, round(0.12 * open_px)), cv2.LINE_AA, 4)
        drawn *= 1 - LASHES * lashes[..., None] * min(1.0, 2 * closed)
    return np.asarray(np.clip(drawn, 0, 255), np.uint8)


def noisy(frame: Pixels, noise: float, random: np.random.Generator) -> Pixels:
    """Return the frame as a sensor sees it: grain, and light that is never quite the same."""
    grain = noise * random.standard_normal((*frame.shape[:2], 1), np.float32) + random.normal(0.0, noise / 4)
    return np.asarray(np.clip(frame + grain, 0, 255), np.uint8)


@cache
def _finder() -> Any:
    return dlib.get_frontal_face_detector()


@cache
def _predictor() -> Landmarks:
    return Landmarks()


def attitude_at(at_s: float, steps: Sequence[Step], performer: Performer) -> Attitude:
    """Return what somebody who follows the steps shows at a time."""
    for step in steps:
        share = _share(at_s - step.from_s - performer.reaction_s, performer)
        if share > 0:
            yaw, pitch = TURNED.get(step.kind, (0.0, 0.0))
            closed = share if step.kind is Kind.CLOSE_EYES else 0.0
            return Attitude(yaw * share * performer.amplitude_deg, pitch * share * performer.amplitude_deg, closed)
    return Attitude()


def _share(since_s: float, performer: Performer) -> float:
    """How much of a gesture is shown so long after it began: 0, easing to 1, kept, easing back to 0."""
    until_back = 2 * performer.move_s + performer.hold_s - since_s
    towards = min(max(min(since_s, until_back) / performer.move_s, 0.0), 1.0)
    return float((1 - np.cos(np.pi * towards)) / 2)


def wander(random: np.random.Generator, count: int) -> Points:
    """Nobody keeps still: return (count, 2) degrees of slow, small movement."""
    steps = random.normal(0.0, 1.0, (count + FRAME_RATE, 2))
    kernel = np.hanning(FRAME_RATE) / np.linalg.norm(np.hanning(FRAME_RATE))
    smooth = np.stack([np.convolve(steps[:, axis], kernel, "same") for axis in (0, 1)], axis=1)
    return np.asarray(SWAY_DEG * smooth[:count], np.float64)


def _eye(landmarks: Points, first: int) -> Points:
    return np.asarray(landmarks[first : first + 6].mean(axis=0), np.float64)


def _arc(points: Points) -> NDArray[np.int32]:
    """A smooth curve through the corners and two points of a lid, in sixteenths of a pixel, as OpenCV draws it."""
    at = np.linspace(0, 1, 24)
    across = np.stack([np.polyval(np.polyfit(np.linspace(0, 1, 4), points[:, axis], 3), at) for axis in (0, 1)], axis=1)
    return np.asarray(np.round(across * 16), np.int32)


def _filled(
    shape: tuple[int, int], upper: NDArray[np.int32], lower: NDArray[np.int32], blur_px: float
) -> NDArray[np.float32]:
    mask = np.zeros(shape, np.float32)
    cv2.fillPoly(mask, [np.concatenate([upper, lower[::-1]])], 1.0, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(blur_px, 0.5)), np.float32)


def _surroundings(landmarks: Points, width: int, height: int) -> tuple[Points, Points]:
    """Points that turn with the head (its outline above the brows), and points that stay where they are."""
    middle, reach = landmarks.mean(axis=0), float(np.ptp(landmarks[:17, 0])) / 2
    over = np.radians(np.arange(195, 346, 15))
    outline = middle + reach * np.stack([1.02 * np.cos(over), 1.35 * np.sin(over)], axis=1)
    around = np.radians(np.arange(0, 360, 20))
    ring = middle + reach * np.stack([2.0 * np.cos(around), 2.3 * np.sin(around)], axis=1)
    edges = np.array([(x, y) for x in np.linspace(0, width, 5) for y in np.linspace(0, height, 5)])
    outside = np.any(np.abs(edges - middle) > reach * 2.3, axis=1)
    return outline, np.concatenate([ring, edges[outside]])


def _turned(points: Points, middle: Points, scale: float, attitude: Attitude) -> Points:
    """Return (n, 2) pixels of the head's surface points after the turn, seen in perspective from CAMERA_MM."""
    flat = (points - middle) / scale
    inside = np.clip(1 - ((flat / HALF_AXES_MM[:2]) ** 2).sum(axis=1), 0.0, None)
    depth = HALF_AXES_MM[2] * np.sqrt(inside)
    for index, out in NOSE_MM.items():
        depth[index] += out
    depth[36:48] -= SOCKET_MM
    solid = np.column_stack([flat, depth]) - PIVOT_MM
    yaw, pitch = np.radians(attitude.yaw), np.radians(attitude.pitch)
    about_y = np.array([(np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))])
    about_x = np.array([(1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))])
    turned = solid @ (about_y @ about_x).T
    near = CAMERA_MM - HALF_AXES_MM[2] + PIVOT_MM[2]
    seen = [each[:, :2] * (near / (CAMERA_MM - each[:, 2:])) for each in (solid, turned)]
    return np.asarray(points + scale * (seen[1] - seen[0]), np.float64)


def remapped(frame: Pixels, before: Points, after: Points) -> Pixels:
    """Return the picture with the points moved and, smoothly, all between: by a thin-plate spline of the way back."""
    height, width = frame.shape[:2]
    size = np.array([width, height], np.float64)
    coarse = np.stack(np.meshgrid(np.linspace(0, 1, GRID), np.linspace(0, 1, GRID)), axis=-1).reshape(-1, 2)
    back = _spline(after / size.max(), (before - after), coarse * size / size.max())
    grid = cv2.resize(back.reshape(GRID, GRID, 2).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = x + grid[..., 0], y + grid[..., 1]
    return np.asarray(cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _spline(at: Points, values: Points, wanted: Points) -> Points:
    """Return (m, 2): the thin-plate spline through `values` (n, 2) at `at` (n, 2), where it is wanted."""
    system = np.zeros((len(at) + 3, len(at) + 3))
    system[: len(at), : len(at)] = _bending(at, at) + 1e-6 * np.eye(len(at))
    system[: len(at), len(at) :] = np.column_stack([np.ones(len(at)), at])
    system[len(at) :, : len(at)] = system[: len(at), len(at) :].T
    weights = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    basis = np.column_stack([_bending(wanted, at), np.ones(len(wanted)), wanted])
    return np.asarray(basis @ weights, np.float64)


def _bending(a: Points, b: Points) -> Points:
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(0.5 * squared * np.log(np.maximum(squared, 1e-12)), np.float64)
