"""High dynamic range and wide color gamuts, brought to what an ordinary screen shows. Pure.

Sources: SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG and its display), BT.2408 (reference white), BT.1886 (the screen).
"""

from enum import Enum
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WHITE_NITS = 203.0
"""Diffuse white of HDR pictures (BT.2408): it becomes the brightest of what is not a highlight."""
PEAK_NITS = 1000.0
"""The display that HLG is shown on here, and the brightest highlight told apart from others."""
LINEAR_UP_TO = 0.5
"""Light up to this share of diffuse white, where faces are, stays as it is; what is brighter is compressed."""
SCREEN_GAMMA = 2.4
HLG_GAMMA = 1.2
LEVELS = 2**16
SHADES = 2**12
D65 = (0.3127, 0.3290)


class Transfer(Enum):
    """How a signal stands for light."""

    SDR = "sdr"
    PQ = "pq"
    HLG = "hlg"


class Primaries(Enum):
    """The chromaticities (x, y) of red, green and blue; white is D65 for all."""

    BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
    BT2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
    P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))


def to_sdr(signal: NDArray[np.uint16], transfer: Transfer, primaries: Primaries) -> NDArray[np.uint8]:
    """Return what a BT.709 screen shows of a picture. signal: (height, width, 3) uint16, RGB, full range."""
    light = _light(transfer)[signal]
    if transfer is Transfer.HLG:
        luminance = light @ _to_xyz(Primaries.BT2020)[1]
        light *= (PEAK_NITS / WHITE_NITS * luminance ** (HLG_GAMMA - 1))[..., None]
    light = light @ _to_bt709(primaries).T
    if transfer is not Transfer.SDR:
        _compress(light)
    np.clip(light, 0.0, 1.0, out=light)
    light *= SHADES - 1
    return _screen()[(light + 0.5).astype(np.uint16)]


def _compress(light: Floats) -> None:
    """Bring highlights within 1, keeping hues: the brightest of the three decides for all.

    The curve is Reinhard's with a straight beginning, of the same slope where the two meet (known as "Mobius").
    """
    start, peak = LINEAR_UP_TO, PEAK_NITS / WHITE_NITS
    a = -(start**2) * (peak - 1) / (start**2 - 2 * start + peak)
    b = (start**2 - 2 * start * peak + peak) / (peak - 1)
    bright = light.max(axis=-1)
    over = bright > start
    level = np.minimum(bright[over], peak)
    light[over] *= ((b**2 + 2 * b * start + start**2) / (b - a) * (level + a) / (level + b) / bright[over])[:, None]


@cache
def _light(transfer: Transfer) -> Floats:
    """Return (LEVELS,): linear light of each signal; for PQ and SDR in diffuse white, for HLG of the scene, 0 to 1."""
    signal = np.linspace(0.0, 1.0, LEVELS)
    if transfer is Transfer.PQ:
        root = signal ** (32 / 2523)
        light = (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305)
        light *= 10_000 / WHITE_NITS
    elif transfer is Transfer.HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    else:
        light = signal**SCREEN_GAMMA
    return light.astype(np.float32)


@cache
def _screen() -> NDArray[np.uint8]:
    """Return (SHADES,): the 8-bit signal of each amount of light."""
    return np.round(255 * np.linspace(0.0, 1.0, SHADES) ** (1 / SCREEN_GAMMA)).astype(np.uint8)


@cache
def _to_bt709(primaries: Primaries) -> Floats:
    return np.asarray(np.linalg.inv(_to_xyz(Primaries.BT709)) @ _to_xyz(primaries), np.float32)


@cache
def _to_xyz(primaries: Primaries) -> Floats:
    """Return (3, 3): linear RGB to CIE XYZ, by the chromaticities (SMPTE RP 177)."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries.value]).T
    white = np.array((D65[0] / D65[1], 1.0, (1 - D65[0] - D65[1]) / D65[1]))
    return np.asarray(columns * np.linalg.solve(columns, white), np.float32)
