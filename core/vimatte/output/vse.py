"""Mattes for Blender's Video Sequencer: one RGBA sequence per instance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import LOSSLESS, write_exr

Half = NDArray[np.float16]


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
    display, covered = header.display_window, header.data_window
    pixels = np.zeros((*display.shape, 4), np.float16)
    shared = covered.intersect(display)
    if alpha is not None and not shared.empty:
        pixels[shared.slices_in(display)] = alpha[shared.slices_in(covered)][..., None]
    compression = compression if compression in LOSSLESS else "zip"
    at_origin = Window(0, 0, display.width, display.height)
    plain = FrameHeader(at_origin, at_origin, header.pixel_aspect)
    return write_exr(path, pixels, "RGBA", plain, compression=compression, frame=frame)
