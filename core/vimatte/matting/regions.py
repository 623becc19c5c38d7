"""Where each instance is computed: regions on the plate's absolute lattice, from guidance alone.

Regions lie on a lattice of 32 network pixels that is fixed to the display window's origin, and
have sizes from a ladder. One moves only when it must, by whole lattice steps, so a recurrent
state follows by whole cells and nothing is ever resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vimatte.frames.window import Window

LATTICE = 32
MARGIN = 32
# Sides in network pixels, all multiples of 64; about a quarter apart, so that a growing box
# changes its region seldom and wastes little.
LADDER = (128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048)
LADDER_STEP = 512  # beyond the ladder's end
SCALES = (1, 2, 4, 8)
MIN_FILL = 0.4
HOLD_FRAMES = 5


@dataclass(frozen=True, slots=True)
class Region:
    """A window an instance is computed in.

    Attributes
    ----------
    window : Window
        Plate pixels; origin a multiple of ``32 * scale``, size of ``64 * scale``. It may reach
        outside of the plate.
    scale : int
        Plate pixels for one network pixel.
    """

    window: Window
    scale: int


@dataclass(frozen=True, slots=True)
class RegionStep:
    """What happens to one instance in one frame.

    Attributes
    ----------
    frame : int
    region : Region or None
        None where the instance is absent: it is not computed.
    reset : bool
        The recurrent state starts at zero here.
    hold : bool
        The mask is empty for now: where the last alpha was above 0.5 serves as the mask.
    """

    frame: int
    region: Region | None
    reset: bool
    hold: bool


def plan_regions(
    frames: Sequence[int], boxes: Sequence[Window | None], *, max_pixels: int
) -> list[RegionStep]:
    """Plan one instance over one segment, preroll included.

    Parameters
    ----------
    frames : sequence of int
    boxes : sequence of Window or None
        The box of the instance's mask in each frame, plate pixels; None where it has none.
    max_pixels : int
        Network pixels of a region at most; the segment's scale is the smallest that keeps every
        region within it, or the largest there is.

    Returns
    -------
    list of RegionStep
        One a frame. The scale looks at the whole segment; all else in a step depends on the
        frames before it only.

    Raises
    ------
    ValueError
        When there are not as many boxes as frames.
    """
    if len(frames) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for {len(frames)} frames")
    scale = fitting_scale(boxes, max_pixels)
    steps: list[RegionStep] = []
    region: Region | None = None
    missing = 0
    for frame, box in zip(frames, boxes, strict=True):
        if box is None or box.empty:
            missing += 1
            if region is None or missing > HOLD_FRAMES:
                region = None
                steps.append(RegionStep(frame, None, reset=False, hold=False))
            else:
                steps.append(RegionStep(frame, region, reset=False, hold=True))
            continue
        missing = 0
        fresh = region is None
        region = _follow(region, box.grow(MARGIN), scale)
        steps.append(RegionStep(frame, region, reset=fresh, hold=False))
    return steps


def fitting_scale(boxes: Sequence[Window | None], max_pixels: int) -> int:
    """Return the smallest scale at which every box's region has at most `max_pixels`."""
    for scale in SCALES:
        if all(
            box is None
            or box.empty
            or _rung(box.width + 2 * MARGIN, scale) * _rung(box.height + 2 * MARGIN, scale)
            <= max_pixels
            for box in boxes
        ):
            return scale
    return SCALES[-1]


def _follow(region: Region | None, needed: Window, scale: int) -> Region:
    """Return the region for a box with its margin: the old one wherever it still serves."""
    if region is not None and region.window.contains(needed):
        filled = needed.width * needed.height / (region.window.width * region.window.height)
        # A box that is small in the smallest region there is for it has nowhere better to go.
        smaller = _rung(needed.width, scale) * _rung(needed.height, scale) * scale**2
        if filled >= MIN_FILL or smaller >= region.window.width * region.window.height:
            return region
        return _around(needed, scale)
    if region is not None:
        width, height = region.window.width, region.window.height
        fits = _rung(needed.width, scale) * scale <= width <= 2 * _rung(needed.width, scale) * scale
        fits &= (
            _rung(needed.height, scale) * scale <= height <= 2 * _rung(needed.height, scale) * scale
        )
        if fits:  # the same size, moved
            return Region(_centred(needed, width, height, scale), scale)
    return _around(needed, scale)


def _around(needed: Window, scale: int) -> Region:
    width = _rung(needed.width, scale) * scale
    height = _rung(needed.height, scale) * scale
    return Region(_centred(needed, width, height, scale), scale)


def _centred(needed: Window, width: int, height: int, scale: int) -> Window:
    cell = LATTICE * scale
    x = (needed.x + needed.width // 2 - width // 2 + cell // 2) // cell * cell
    y = (needed.y + needed.height // 2 - height // 2 + cell // 2) // cell * cell
    return Window(x, y, width, height)


def _rung(length: int, scale: int) -> int:
    """Return the ladder's size that holds `length` plate pixels wherever the lattice lies."""
    # Rounding to the lattice moves a centred window by up to half a cell either way.
    wanted = -(-length // scale) + LATTICE
    for rung in LADDER:
        if rung >= wanted:
            return rung
    beyond = LADDER[-1]
    return beyond + -(-(wanted - beyond) // LADDER_STEP) * LADDER_STEP
