"""From a decoded video picture to RGB, with the matrix and range the movie was coded with."""

from __future__ import annotations

import re

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

# Formats converted here: planar YUV, little-endian. The others go through FFmpeg's scaler, whose
# fast path for ordinary 4:2:0 is off by up to 8 steps of 255 at coloured edges, where mattes are.
_PLANAR = re.compile(r"yuva?(j?)(420|422|444)p(?:(9|10|12|14|16)le)?")
#: Luma weights of red and blue by the coding matrix (numbers of ISO/IEC 23091-4).
_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_UNSPECIFIED = 2
_FULL_RANGE = 2


def to_rgb(picture: VideoFrame) -> NDArray[np.float32]:
    """Convert a decoded picture to RGB in [0, 1], in the movie's own transfer curve.

    Without a stated matrix, BT.709 is taken from 1280 x 576 up and BT.601 below, as players do.

    Returns
    -------
    ndarray of float32, shape (picture.height, picture.width, 3)
    """
    match = _PLANAR.fullmatch(picture.format.name)
    matrix = _matrix_number(picture)
    if match is None or matrix not in _WEIGHTS:
        return _through_ffmpeg(picture, matrix)
    bits = int(match[3] or 8)
    full = bool(match[1]) or int(picture.color_range) == _FULL_RANGE
    luma = _plane(picture, 0, bits)
    planes = [luma, *(_upsampled(_plane(picture, at, bits), luma.shape) for at in (1, 2))]
    coded = cv2.merge(planes)
    rgb = np.asarray(cv2.transform(coded, _to_rgb_matrix(matrix, full, bits)), np.float32)
    return np.clip(rgb, 0, 1, out=rgb)


def _matrix_number(picture: VideoFrame) -> int:
    number = int(picture.colorspace)
    if number != _UNSPECIFIED:
        return number
    return 1 if picture.width >= 1280 or picture.height > 576 else 6


def _plane(picture: VideoFrame, at: int, bits: int) -> NDArray[np.float32]:
    plane = picture.planes[at]
    kind = np.dtype("u1" if bits == 8 else "<u2")
    stored = np.frombuffer(memoryview(plane), kind)
    rows = stored.reshape(plane.height, plane.line_size // kind.itemsize)[:, : plane.width]
    return np.asarray(rows, np.float32)


def _upsampled(plane: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Double chroma by linear interpolation: samples lie on even columns and between rows."""
    height, width = shape
    if plane.shape == (height, width):
        return plane
    if plane.shape[1] != width:
        plane = _doubled_columns(plane)[:, :width]
    if plane.shape[0] != height:
        plane = _doubled_rows(plane)[:height]
    return plane


def _doubled_columns(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    made = np.empty((plane.shape[0], plane.shape[1] * 2), np.float32)
    made[:, ::2] = plane
    made[:, 1:-1:2] = (plane[:, :-1] + plane[:, 1:]) * np.float32(0.5)
    made[:, -1] = plane[:, -1]
    return made


def _doubled_rows(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    made = np.empty((plane.shape[0] * 2, plane.shape[1]), np.float32)
    near, far = plane * np.float32(0.75), plane * np.float32(0.25)
    made[2::2] = near[1:] + far[:-1]
    made[1:-1:2] = near[:-1] + far[1:]
    made[0], made[-1] = plane[0], plane[-1]
    return made


def _to_rgb_matrix(number: int, full: bool, bits: int) -> NDArray[np.float32]:
    """Return the 3 x 4 matrix that takes coded (Y, Cb, Cr, 1) to RGB in [0, 1]."""
    red, blue = _WEIGHTS[number]
    green = 1 - red - blue
    unit = 2.0 ** (bits - 8)
    top = 2.0**bits - 1
    luma, chroma, black = (top, top, 0.0) if full else (219 * unit, 224 * unit, 16 * unit)
    rows = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 * (1 - blue), 0],
        ]
    ) / [luma, chroma, chroma]
    offset = -rows @ [black, 128 * unit, 128 * unit]
    return np.column_stack([rows, offset]).astype(np.float32)


def _through_ffmpeg(picture: VideoFrame, matrix: int) -> NDArray[np.float32]:
    deep = max(component.bits for component in picture.format.components) > 8
    name, top = ("rgb48le", 65535) if deep else ("rgb24", 255)
    space = {1: "ITU709", 4: "FCC", 7: "SMPTE240M"}.get(matrix, "ITU601")
    full = int(picture.color_range) == _FULL_RANGE or picture.format.is_rgb
    converted = picture.reformat(
        format=name,
        src_colorspace=av.video.reformatter.Colorspace[space],
        dst_colorspace=av.video.reformatter.Colorspace[space],
        src_color_range=av.video.reformatter.ColorRange["JPEG" if full else "MPEG"],
        dst_color_range=av.video.reformatter.ColorRange["JPEG"],
    )
    return converted.to_ndarray().astype(np.float32) / np.float32(top)
