"""Whether a region of interest meets the plate."""

from __future__ import annotations

from vimatte.errors import ConfigError
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.square_pixels import canvas_window
from vimatte.frames.window import Window
from vimatte.notices import Notice


def region_notices(source: NetworkSource, roi: Window | None) -> tuple[Notice, ...]:
    """Compare a region with the shot's frames; only headers are read.

    Returns
    -------
    tuple of Notice
        That part of the region lies outside of the plate.

    Raises
    ------
    ConfigError
        When no frame of the shot holds a pixel of it.
    FrameReadError
    """
    if roi is None:
        return ()
    plate = Window(0, 0, 0, 0)
    met = Window(0, 0, 0, 0)
    for frame in source.frames:
        header = source.header(frame)
        data = canvas_window(header.data_window, header)
        display = canvas_window(header.display_window, header)
        plate = plate.union(data).union(display)
        met = met.union(source.window(frame))
        if not met.empty and plate.intersect(roi) == roi:
            return ()
        if not met.empty:
            break  # windows rarely vary; what is met says enough
    size = f"the plate's {plate.width}x{plate.height} pixels at {plate.x},{plate.y}"
    asked = f"{roi.width}x{roi.height} pixels at {roi.x},{roi.y}"
    if met.empty:
        raise ConfigError(
            f"the region of interest, {asked}, holds nothing of the plate",
            hint=f"--roi X,Y,WIDTH,HEIGHT within {size}",
        )
    return (
        Notice(
            "roi-outside",
            f"the region of interest, {asked}, reaches beyond {size}: "
            f"{met.width}x{met.height} at {met.x},{met.y} is used",
        ),
    )
