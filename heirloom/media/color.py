"""A decoded frame to RGB as a screen shows it: by its matrix, range, transfer, primaries and fields.

Runs in the limited child process only.
"""

import numpy as np
import PIL.Image
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray
from PIL.Image import Resampling

from heirloom.media import tone
from heirloom.media.tone import Primaries, Transfer

# By the numbers of ITU-T H.273, which FFmpeg keeps.
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
TRANSFERS = {int(ColorTrc.SMPTE2084): Transfer.PQ, int(ColorTrc.ARIB_STD_B67): Transfer.HLG}
PRIMARIES = {int(ColorPrimaries.BT2020): Primaries.BT2020, int(ColorPrimaries.SMPTE432): Primaries.P3}
HIGH_DEFINITION = (1280, 577)
"""From this width or height on, a clip that names no matrix is taken to use BT.709, else BT.601: as players do."""
FULL_RANGE_FORMATS = "yuvj"


def rgb(frame: VideoFrame, width: int, height: int, scaler: VideoReformatter) -> NDArray[np.uint8]:
    """Return the whole frame as (height, width, 3) uint8; of an interlaced one, its first field."""
    transfer = TRANSFERS.get(frame.color_trc, Transfer.SDR)
    primaries = PRIMARIES.get(frame.color_primaries, Primaries.BT709 if transfer is Transfer.SDR else Primaries.BT2020)
    plain = transfer is Transfer.SDR and primaries is Primaries.BT709
    scaled = scaler.reformat(
        frame,
        width,
        frame.height if frame.interlaced_frame else height,
        "rgb24" if plain else "rgb48le",
        src_colorspace=MATRICES.get(frame.colorspace) or _usual_matrix(frame, primaries),
        src_color_range=_range(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
    pixels = scaled.to_ndarray()
    shown = pixels.view(np.uint8) if plain else tone.to_sdr(pixels.view(np.uint16), transfer, primaries)
    return _first_field(shown, height) if frame.interlaced_frame else shown


def _usual_matrix(frame: VideoFrame, primaries: Primaries) -> Colorspace:
    if primaries is Primaries.BT2020:
        return Colorspace.BT2020
    large = frame.width >= HIGH_DEFINITION[0] or frame.height >= HIGH_DEFINITION[1]
    return Colorspace.ITU709 if large else Colorspace.ITU601


def _range(frame: VideoFrame) -> ColorRange:
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(FULL_RANGE_FORMATS)
    return ColorRange.JPEG if full else ColorRange.MPEG


def _first_field(pixels: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """Return one of the two moments that an interlaced frame holds line by line, at full height."""
    field = PIL.Image.fromarray(pixels[::2])
    return np.asarray(field.resize((field.width, height), Resampling.BILINEAR))
