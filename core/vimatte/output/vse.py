"""Mattes and cut-outs for Blender's Video Sequencer: one RGBA sequence per instance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import LOSSLESS, write_exr
from vimatte.output.half import finite_half

Half = NDArray[np.float16]
Plane = NDArray[np.float32]


def write_strip(
    path: Path, alpha: Half | None, header: FrameHeader, compression: str, frame: int | None = None
) -> str:
    """Write one instance's frame with R=G=B=A=alpha.

    The sequencer's mask modifier reads alpha from the colour, in every version, and knows nothing
    of data windows: so all four channels hold it, and they fill the display window.

    Parameters
    ----------
    path : Path
    alpha : ndarray of float16, shape of the data window, or None
        None where the instance is absent: zeros.
    header : FrameHeader
        The plate's.
    compression : str
        One that is lossy for colour is replaced by ``zip``: here colour is the matte.
    frame : int, optional
        For error messages.

    Returns
    -------
    str
        The file's SHA-256.

    Raises
    ------
    OutputError
    """
    four = None if alpha is None else np.repeat(alpha[..., None], 4, axis=2)
    compression = compression if compression in LOSSLESS else "zip"
    return _write(path, four, header, compression, frame)


def write_cutout(
    path: Path,
    colour: Plane | None,
    alpha: Half | None,
    header: FrameHeader,
    compression: str,
    frame: int | None = None,
) -> str:
    """Write one instance's frame as colour times alpha, and alpha: a strip of its own.

    Parameters
    ----------
    path : Path
    colour : ndarray of float32, shape (height, width, 3), or None
        Premultiplied, scene-linear. None where the instance is absent: zeros.
    alpha : ndarray of float16, shape of the data window, or None
    header : FrameHeader
        The plate's.
    compression : str
    frame : int, optional
        For error messages.

    Returns
    -------
    str
        The file's SHA-256.

    Raises
    ------
    OutputError
    """
    four = None
    if colour is not None and alpha is not None:
        four = np.concatenate([finite_half(colour), alpha[..., None]], axis=2)
    return _write(path, four, header, compression, frame)


def _write(
    path: Path, four: Half | None, header: FrameHeader, compression: str, frame: int | None
) -> str:
    display, covered = header.display_window, header.data_window
    pixels = np.zeros((*display.shape, 4), np.float16)
    shared = covered.intersect(display)
    if four is not None and not shared.empty:
        pixels[shared.slices_in(display)] = four[shared.slices_in(covered)]
    at_origin = Window(0, 0, display.width, display.height)
    plain = FrameHeader(at_origin, at_origin, header.pixel_aspect)
    return write_exr(path, pixels, "RGBA", plain, compression=compression, frame=frame)
