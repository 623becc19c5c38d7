"""Where each instance is computed: regions on the plate's absolute lattice, from guidance alone.

Regions lie on a lattice of 32 network pixels that is fixed to the display window's origin, and
have sizes from a ladder. One moves only when it must, by whole lattice steps, so a recurrent
state follows by whole cells and nothing is ever resampled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from vimatte.frames.window import Window

# Dense network pixels of a region at most, by quality; plate pixels are refined in both.
QUALITY = {"final": 1_048_576, "draft": 147_456}
# Network pixels: a region's origin is a multiple of it.
LATTICE = 32
# Plate pixels around a mask's box that its region must hold.
MARGIN = 32
# Sides in network pixels, all multiples of 64. About an eighth apart: cost goes with the area, and
# a change of size costs nothing but a new border.
LADDER = (128, 192, 256, 320, 384, 448, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536)
LADDER_STEP = 256  # beyond the ladder's end
SCALES = (1, 2, 4, 8)
# The least part of a region that the box with its margin fills.
MIN_FILL = 0.4
HOLD_FRAMES = 5
# Network pixels of room, so that a mask's noise moves nothing. Rounding to the lattice moves a
# centred region by up to half a cell: SLACK - LATTICE is left for both sides together.
SLACK = LATTICE + 16
# Network pixels that a box must shrink below a rung before its region steps down to it.
SHRINK_SLACK = 32


@dataclass(frozen=True, slots=True)
class Region:
    """A window an instance is computed in.

    Attributes
    ----------
    window : Window
        Plate pixels; origin a multiple of ``32 * scale``, size of ``64 * scale``. It may reach
        outside of the plate, which is mirrored there: by less than its own size's rounding where
        it can be moved inside.
    scale : int
        Plate pixels for one network pixel.
    """

    window: Window
    scale: int

    @property
    def pixels(self) -> int:
        """How many network pixels it has."""
        return self.window.width * self.window.height // self.scale**2


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
        The mask is empty for now: the last alpha serves as one.
    """

    frame: int
    region: Region | None
    reset: bool
    hold: bool


def plan_regions(
    frames: Sequence[int],
    boxes: Sequence[Window | None],
    *,
    max_pixels: int,
    plate: Window | None = None,
    after: Sequence[Window | None] = (),
) -> list[RegionStep]:
    """Plan one instance over one segment, preroll included.

    A gap of at most `HOLD_FRAMES` frames in the guidance is held over. One that is longer, or that
    the mask does not come back from, is an absence from its first frame on: somebody who left the
    picture leaves no ghost behind.

    Parameters
    ----------
    frames : sequence of int
    boxes : sequence of Window or None
        The box of the instance's mask in each frame, plate pixels; None where it has none.
    max_pixels : int
        Network pixels of a region at most; the segment's scale is the smallest that keeps every
        region within it, or the largest there is.
    plate : Window, optional
        What the plate covers: no margin is asked for outside of it, and no region is larger than
        its whole. The same for all frames.
    after : sequence of Window or None
        The boxes of the frames that follow the segment in its scene, `HOLD_FRAMES` of them: they
        tell whether the mask comes back from a gap at the segment's end.

    Returns
    -------
    list of RegionStep
        One a frame. The scale looks at the whole segment; all else in a step depends on the
        frames before it and on `HOLD_FRAMES` after it.

    Raises
    ------
    ValueError
        When there are not as many boxes as frames.
    """
    if len(frames) != len(boxes):
        raise ValueError(f"{len(boxes)} boxes for {len(frames)} frames")
    needed = [_needed(box, plate) for box in boxes]
    back = _returns([*needed, *(_needed(box, plate) for box in after)])
    grid = _grid(needed, max_pixels, plate)
    steps: list[RegionStep] = []
    region: Region | None = None
    for index, frame in enumerate(frames):
        window = needed[index]
        if window is not None:
            fresh = region is None
            region = grid.follow(region, window)
            steps.append(RegionStep(frame, region, reset=fresh, hold=False))
        elif region is not None and back[index]:
            steps.append(RegionStep(frame, region, reset=False, hold=True))
        else:
            region = None
            steps.append(RegionStep(frame, None, reset=False, hold=False))
    return steps


def fitting_scale(
    boxes: Sequence[Window | None], max_pixels: int, plate: Window | None = None
) -> int:
    """Return the smallest scale at which every box's region has at most `max_pixels`.

    Parameters
    ----------
    boxes, max_pixels, plate
        See `plan_regions`.
    """
    return _grid([_needed(box, plate) for box in boxes], max_pixels, plate).scale


def _needed(box: Window | None, plate: Window | None) -> Window | None:
    """Return what a box's region must hold, or None where there is no box."""
    if box is None or box.empty:
        return None
    grown = box.grow(MARGIN)
    return grown if plate is None else grown.intersect(plate).union(box)


def _returns(needed: Sequence[Window | None]) -> list[bool]:
    """Return, for each frame without a box, whether its gap is short and ends with one."""
    back = [False] * len(needed)
    start = 0
    for index, window in enumerate(needed):
        if window is None:
            continue
        if index - start <= HOLD_FRAMES:
            back[start:index] = [True] * (index - start)
        start = index + 1
    return back


def _grid(needed: Sequence[Window | None], max_pixels: int, plate: Window | None) -> _Grid:
    """Return the grid of the smallest scale that keeps every region within `max_pixels`."""
    for scale in SCALES[:-1]:
        grid = _Grid(scale, plate)
        if all(w is None or grid.around(w).pixels <= max_pixels for w in needed):
            return grid
    return _Grid(SCALES[-1], plate)


class _Grid:
    """The lattice at one scale, and the sizes that regions have on it."""

    def __init__(self, scale: int, plate: Window | None) -> None:
        self.scale = scale
        self._cover = None if plate is None else self._covering(plate)

    def follow(self, region: Region | None, needed: Window) -> Region:
        """Return the region for a box with its margin: the old one wherever it still serves."""
        if region is None or self._too_small(region, needed) or self._too_large(region, needed):
            return self.around(needed)
        if region.window.contains(needed):
            return region
        return Region(self._centred(needed, *region.window.shape), self.scale)

    def around(self, needed: Window) -> Region:
        """Return the smallest region of the ladder for a box with its margin."""
        height, width = self._sides(needed)
        return Region(self._centred(needed, height, width), self.scale)

    def _too_small(self, region: Region, needed: Window) -> bool:
        """Whether a region of this size could not hold the box and leave it some room."""
        if region.window.contains(needed):
            return False
        height, width = self._sides(needed)
        return width > region.window.width or height > region.window.height

    def _too_large(self, region: Region, needed: Window) -> bool:
        """Whether the box fills too little of the region, and by enough for a smaller one.

        A small box in the smallest region there is may fill as little as it likes. The sides of
        the smaller one are taken for a box that has grown by `SHRINK_SLACK`: what a box has just
        outgrown it does not go back to.
        """
        area = region.window.width * region.window.height
        if needed.width * needed.height >= MIN_FILL * area:
            return False
        height, width = self._sides(needed, SHRINK_SLACK * self.scale)
        return height * width < area

    def _sides(self, needed: Window, room: int = 0) -> tuple[int, int]:
        """Return height and width of a region for a box with its margin, in plate pixels.

        What covers the whole plate needs no slack: nothing can leave it.
        """
        height, width = (_rung(side + room, self.scale) for side in needed.shape)
        cover = self._cover_of(needed)
        if cover is None:
            return height, width
        return min(height, cover.height), min(width, cover.width)

    def _centred(self, needed: Window, height: int, width: int) -> Window:
        """Return a window of this size around a box, moved into the plate where it can be."""
        cell = LATTICE * self.scale
        x = (needed.x + (needed.width - width) // 2 + cell // 2) // cell * cell
        y = (needed.y + (needed.height - height) // 2 + cell // 2) // cell * cell
        cover = self._cover_of(needed)
        if cover is not None:
            if width <= cover.width:
                x = min(max(x, cover.x), cover.right - width)
            if height <= cover.height:
                y = min(max(y, cover.y), cover.bottom - height)
        return Window(x, y, width, height)

    def _cover_of(self, needed: Window) -> Window | None:
        """Return the lattice window over the plate; None where the box itself lies outside."""
        return self._cover if self._cover is not None and self._cover.contains(needed) else None

    def _covering(self, plate: Window) -> Window:
        """Return the smallest window of the lattice that covers the plate."""
        cell, step = LATTICE * self.scale, 64 * self.scale
        x, y = plate.x // cell * cell, plate.y // cell * cell
        width, height = (
            max(-(-side // step) * step, LADDER[0] * self.scale)
            for side in (plate.right - x, plate.bottom - y)
        )
        return Window(x, y, width, height)


def _rung(length: int, scale: int) -> int:
    """Return the ladder's size, in plate pixels, that holds `length` plate pixels with room."""
    wanted = -(-length // scale) + SLACK
    if wanted <= LADDER[-1]:
        return LADDER[bisect_left(LADDER, wanted)] * scale
    steps = -(-(wanted - LADDER[-1]) // LADDER_STEP)
    return (LADDER[-1] + steps * LADDER_STEP) * scale
