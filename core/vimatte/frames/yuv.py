"""From a decoded video picture to RGB, with the matrix and range the movie was coded with."""

from __future__ import annotations

import re

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from vimatte.errors import FrameReadError

# Formats converted here, others after their samples are laid out as one of these. FFmpeg's scaler
# itself takes no notice of some tags, and its fast path for ordinary 4:2:0 is off by up to 8 steps
# of 255 at coloured edges, where mattes are.
_PLANAR = re.compile(r"yuva?(j?)(4[1-4][0124])p(?:(9|10|12|14|16)le)?")
_GREY = re.compile(r"gray(?:(9|10|12|14|16)le)?")
_DEEP_RGB = re.compile(r"gbra?p(9|10|12|14|16)le")
# FFmpeg's scaler takes their bytes in the wrong order.
_SHORT_RGB = re.compile(r"(rgb|bgr)5([56])5be")
#: Chroma subsampling by how many luma samples a chroma sample is wide and high.
_SUBSAMPLING = {
    (1, 1): "444", (2, 1): "422", (2, 2): "420", (4, 1): "411", (4, 4): "410", (1, 2): "440",
}  # fmt: skip
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
_YCGCO = 8
# Matrices that are derived from the primaries, by those primaries' number.
_FROM_PRIMARIES = 12
_BY_PRIMARIES = {1: 1, 5: 5, 6: 6, 7: 7, 9: 9}
_UNREADABLE = {
    11: "Y'D'zD'x", 13: "chroma-derived constant luminance", 14: "ICtCp", 15: "IPT-C2",
    16: "YCgCo-Re", 17: "YCgCo-Ro",
}  # fmt: skip
_UNSPECIFIED = 2
_LIMITED_RANGE, _FULL_RANGE = 1, 2
# What older versions converted as tagged already.
_ALWAYS_TRUE = re.compile(r"yuva?j?(420|422|444)p((9|10|12|14|16)le)?")


def to_rgb(picture: VideoFrame) -> NDArray[np.float32]:
    """Convert a decoded picture to RGB in [0, 1], in the movie's own transfer curve.

    Without a stated matrix, BT.709 is taken from 1280 x 576 up and BT.601 below, as players do.

    Returns
    -------
    ndarray of float32, shape (picture.height, picture.width, 3)
    """
    name = picture.format.name
    deep = _DEEP_RGB.fullmatch(name)
    if deep:
        planes = [_plane(picture, at, int(deep[1])) for at in (2, 0, 1)]
        return np.asarray(cv2.merge(planes), np.float32) / np.float32(2 ** int(deep[1]) - 1)
    short = _SHORT_RGB.fullmatch(name)
    if short:
        return _from_short(picture, int(short[2]), reverse=short[1] == "bgr")
    if picture.format.is_rgb or picture.format.has_palette or name.startswith(("mono", "xyz")):
        return _rgb_through_ffmpeg(picture)
    # Before the samples are laid out, which changes the tag and not the samples.
    matrix, color_range = matrix_number(picture), int(picture.color_range)
    picture = _laid_out(picture)
    grey = _GREY.fullmatch(picture.format.name)
    if grey:
        bits = int(grey[1] or 8)
        return _from_grey(_plane(picture, 0, bits), color_range == _LIMITED_RANGE, bits)
    match = _PLANAR.fullmatch(picture.format.name)
    if match is None:
        raise FrameReadError(f"pictures stored as {name} are not read")
    bits = int(match[3] or 8)
    full = bool(match[1]) or color_range == _FULL_RANGE
    luma = _plane(picture, 0, bits)
    planes = [luma, *(_upsampled(_plane(picture, at, bits), luma.shape) for at in (1, 2))]
    coded = cv2.merge(planes)
    rgb = np.asarray(cv2.transform(coded, _to_rgb_matrix(matrix, full, bits)), np.float32)
    return np.clip(rgb, 0, 1, out=rgb)


def matrix_number(picture: VideoFrame) -> int:
    """Return the matrix a picture was coded with, by its number in ISO/IEC 23091-4.

    Raises
    ------
    FrameReadError
        When it is one that is not read.
    """
    number = int(picture.colorspace)
    if number in _WEIGHTS or number == _YCGCO:
        return number
    if number in _UNREADABLE:
        raise FrameReadError(
            f"the movie is coded as {_UNREADABLE[number]}, which is not read",
            hint="make a movie with another matrix of it, e.g. by ffmpeg's filter zscale",
        )
    if number == _FROM_PRIMARIES:
        return _BY_PRIMARIES.get(int(picture.color_primaries), 1)
    return 1 if picture.width >= 1280 or picture.height > 576 else 6


def reading_of(picture: VideoFrame) -> str:
    """Return what tells a movie's digests from those of versions that converted it otherwise.

    Raises
    ------
    FrameReadError
        When pictures of the kind are not read.
    """
    name = picture.format.name
    if _DEEP_RGB.fullmatch(name) or _SHORT_RGB.fullmatch(name):
        return " as tagged"
    if picture.format.is_rgb or picture.format.has_palette:
        return ""
    matrix = matrix_number(picture)
    return "" if _ALWAYS_TRUE.fullmatch(name) and matrix in _WEIGHTS else " as tagged"


def _laid_out(picture: VideoFrame) -> VideoFrame:
    """Return a picture with its samples in planes, low byte first; no sample's value changes."""
    name = picture.format.name
    if _PLANAR.fullmatch(name) or _GREY.fullmatch(name):
        return picture
    luma, *chroma = [part for part in picture.format.components if not part.is_alpha]
    bits = "" if luma.bits == 8 else f"{luma.bits}le"
    if not chroma:
        made = f"gray{bits}"
    else:
        wide = round(luma.width / max(1, chroma[0].width))
        high = round(luma.height / max(1, chroma[0].height))
        made = f"yuv{_SUBSAMPLING.get((wide, high), '444')}p{bits}"
    return _reformatted(picture, made)


def _reformatted(picture: VideoFrame, made: str) -> VideoFrame:
    """Return a picture in another format, of the same matrix and range."""
    reformatter = av.video.reformatter
    try:
        return picture.reformat(
            format=made,
            src_colorspace=reformatter.Colorspace.ITU709,
            dst_colorspace=reformatter.Colorspace.ITU709,
            src_color_range=reformatter.ColorRange.JPEG,
            dst_color_range=reformatter.ColorRange.JPEG,
            threads=1,  # with more, FFmpeg's scaler now and then leaves rows grey
        )
    except (OSError, ValueError) as error:
        raise FrameReadError(
            f"pictures stored as {picture.format.name} are not read: {error}",
            hint="make a movie with another pixel format of it, e.g. yuv422p10le",
        ) from None


def _from_grey(luma: NDArray[np.float32], limited: bool, bits: int) -> NDArray[np.float32]:
    # Without a tag, grey is what still pictures are: of the full range.
    if limited:
        unit = np.float32(2.0 ** (bits - 8))
        luma = (luma - 16 * unit) / (219 * unit)
    else:
        luma = luma / np.float32(2.0**bits - 1)
    grey = np.clip(luma, 0, 1)
    return np.repeat(grey[:, :, None], 3, axis=2)


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
    while plane.shape[1] < width:  # twice for 4:1:1 and 4:1:0
        plane = _doubled_columns(plane)[:, :width]
    while plane.shape[0] < height:
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
    unit = 2.0 ** (bits - 8)
    top = 2.0**bits - 1
    luma, chroma, black = (top, top, 0.0) if full else (219 * unit, 224 * unit, 16 * unit)
    rows = _unit_matrix(number) / [luma, chroma, chroma]
    offset = -rows @ [black, 128 * unit, 128 * unit]
    return np.column_stack([rows, offset]).astype(np.float32)


def _unit_matrix(number: int) -> NDArray[np.float64]:
    """Return the matrix for Y in [0, 1] and Cb, Cr in [-0.5, 0.5]."""
    if number == _YCGCO:
        return np.array([[1, -1, 1], [1, 1, 0], [1, -1, -1]], np.float64)
    red, blue = _WEIGHTS[number]
    green = 1 - red - blue
    return np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 * (1 - blue), 0],
        ]
    )


def _from_short(picture: VideoFrame, green_bits: int, *, reverse: bool) -> NDArray[np.float32]:
    """Return RGB of five, five or six, and five bits in two bytes, the high one first."""
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), ">u2").reshape(plane.height, plane.line_size // 2)
    stored = rows[:, : picture.width]
    top = np.float32(2**green_bits - 1)
    first, green, last = stored >> (5 + green_bits), stored >> 5, stored
    made = np.empty((*stored.shape, 3), np.float32)
    made[..., 1] = (green & int(top)) / top
    made[..., 2 if reverse else 0] = (first & 31) / np.float32(31)
    made[..., 0 if reverse else 2] = (last & 31) / np.float32(31)
    return made


def _rgb_through_ffmpeg(picture: VideoFrame) -> NDArray[np.float32]:
    """Return what is RGB already; no matrix is involved."""
    deep = max((component.bits for component in picture.format.components), default=8) > 8
    name, top = ("rgb48le", 65535) if deep else ("rgb24", 255)
    converted = _reformatted(picture, name)
    return converted.to_ndarray().astype(np.float32) / np.float32(top)
