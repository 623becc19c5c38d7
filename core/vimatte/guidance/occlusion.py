"""Which of two instances whose masks overlap is in front, told from one picture.

Three things speak. The pixels that both masks claim are coloured like the one in front. Along the
outline of the one in front there is an edge in the picture; along the outline of the one behind,
where it runs below the other, there is none. And across the outline of the one in front the
colour changes, while across that of the one behind it goes on. Where masks overlap by mere
coarseness, the true border lies between the two outlines and nothing speaks.

Measured by ``scripts/front_order``; see docs/decisions/0018-front-order.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import InstanceMask
from vimatte.frames.window import Window, place

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

# The weights of what speaks, as a logistic fit to composites has them, rounded; see the decision.
_COLOUR, _EDGE, _STEP = 0.8, 2.0, 2.0
# Where these say less than the first, somebody whose mask lies within the other's is in front, by
# the second: nobody gives a mask of what is hidden wholly.
_LITTLE, _WITHIN = 0.5, 1.0
_WITHIN_SHARE = 0.95
# One picture never counts more: what misleads in one does so in the next.
MOST = 4.0
# The long side of what is looked at, in pixels: larger surroundings are shrunk to it.
_SIDE = 320
# Around the shared pixels, as a share of their extent and in pixels: what colours are learnt from.
_AROUND, _LEAST_AROUND = 0.6, 24
# How far from a mask's outline an edge in the picture is still its own, in pixels.
_REACH = 3
# Fewer pixels than these say nothing about a colour or an outline.
_LEAST_PIXELS, _LEAST_OUTLINE = 24, 8
# Bins of L, a and b: their range is cut into so many.
_BINS = (8, 16, 16)
_LOW = np.array([0, -64, -64], np.float32)
_HIGH = np.array([100, 64, 64], np.float32)
# A gradient and a step of colour that are nothing yet, in units of L.
_FAINT_EDGE, _FAINT_STEP = 10.0, 3.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the first of two instances being in front; negative: for the second.

    Attributes
    ----------
    colour, edge, step : float
        Log ratios: of the shared pixels' colour, of the edges along the two outlines, and of the
        steps of colour across them. 0 where nothing can be told.
    within : float
        1 where the first's mask lies within the second's, -1 where it is the other way round.
    """

    colour: float = 0.0
    edge: float = 0.0
    step: float = 0.0
    within: float = 0.0

    @property
    def score(self) -> float:
        """About the logarithm of the odds that the first is in front; at most `MOST`."""
        total = _COLOUR * self.colour + _EDGE * self.edge + _STEP * self.step
        if abs(total) < _LITTLE:
            total += _WITHIN * self.within
        return min(MOST, max(-MOST, total))


def shared_pixels(first: InstanceMask, second: InstanceMask) -> InstanceMask | None:
    """Return the pixels that two masks share, or None."""
    window = first.window.intersect(second.window)
    if window.empty:
        return None
    both = first.mask[window.slices_in(first.window)] & second.mask[window.slices_in(second.window)]
    return InstanceMask(window, both) if both.any() else None


def thickest(mask: Mask) -> tuple[float, float]:
    """Return the radius of the largest disc that fits into a mask, in pixels, and its roundness.

    That is the disc's share of the connected part it lies in: 1 for a disc, little for a band.
    """
    solid = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    at = np.unravel_index(int(distance.argmax()), distance.shape)
    radius, area = float(distance[at]), int(stats[int(labels[at]), cv2.CC_STAT_AREA])
    return radius, math.pi * radius**2 / area


def look(pixels: Picture, window: Window, first: InstanceMask, second: InstanceMask) -> Evidence:
    """Compare two masks that share pixels with the picture.

    Parameters
    ----------
    pixels : ndarray of float32, shape (window.height, window.width, 3)
        sRGB-encoded, in [0, 1].
    window : Window
        What the picture covers.
    first, second : InstanceMask
    """
    shared = shared_pixels(first, second)
    if shared is None:
        return Evidence()
    inside = [shared.area >= _WITHIN_SHARE * item.area for item in (first, second)]
    within = float(inside[0]) - float(inside[1])
    part = _surroundings(shared, window)
    if part.empty:
        return Evidence(within=within)
    factor = min(1.0, _SIDE / max(part.width, part.height))
    size = max(1, round(part.width * factor)), max(1, round(part.height * factor))
    small = cv2.resize(pixels[part.slices_in(window)], size, interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(np.clip(small, 0, 1), cv2.COLOR_RGB2Lab), np.float32)
    a, b = (_shrunk(item, part, size) for item in (first, second))
    if np.count_nonzero(a & b) < _LEAST_PIXELS:
        return Evidence(within=within)
    lines = _outline(a, b), _outline(b, a)
    edge, step = _edge(lab, a | b, lines), _step(lab, a, b, lines)
    return Evidence(_colour(lab, a, b), edge, step, within)


def _surroundings(shared: InstanceMask, window: Window) -> Window:
    rows = np.flatnonzero(shared.mask.any(axis=1)) + shared.window.y
    columns = np.flatnonzero(shared.mask.any(axis=0)) + shared.window.x
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(columns[0]), int(columns[-1]) + 1
    around = max(_LEAST_AROUND, round(_AROUND * max(right - left, bottom - top)))
    box = Window(left - around, top - around, right - left + 2 * around, bottom - top + 2 * around)
    return box.intersect(window)


def _shrunk(item: InstanceMask, part: Window, size: tuple[int, int]) -> Mask:
    plane = np.asarray(place(item.mask.astype(np.float32), item.window, part), np.float32)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA) >= 0.5, np.bool_)


def _eroded(mask: Mask, radius: int) -> Mask:
    """Return a mask without its rim; what touches the picture's border goes on beyond it."""
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.erode(mask.astype(np.uint8), ball, borderValue=1), np.bool_)


def _outline(front: Mask, behind: Mask) -> Mask:
    """Return where the outline of `front` runs inside of `behind`, clear of its outline."""
    return front & ~_eroded(front, 1) & _eroded(behind, _REACH + 2)


def _colour(lab: Picture, a: Mask, b: Mask) -> float:
    """Return how much more the shared pixels look like the first's own than the second's."""
    both = a & b
    # Masks are coarse: their rims are often background.
    own = [_inner(a & ~b, a), _inner(b & ~a, b)]
    if min(int(np.count_nonzero(mask)) for mask in own) < _LEAST_PIXELS:
        return 0.0
    scaled = np.clip((lab - _LOW) / (_HIGH - _LOW), 0, 0.999) * np.array(_BINS, np.float32)
    light, green, blue = np.moveaxis(scaled.astype(np.intp), 2, 0)
    bins = (light * _BINS[1] + green) * _BINS[2] + blue
    log_shares = []
    for mask in own:
        count = np.bincount(bins[mask], minlength=_BINS[0] * _BINS[1] * _BINS[2])
        soft = _smooth(count.reshape(_BINS).astype(np.float64))
        log_shares.append(np.log(soft / soft.sum() + 1e-4))
    ratio = (log_shares[0] - log_shares[1]).reshape(-1)[bins[both]]
    return float(np.clip(ratio, -3, 3).mean())


def _inner(only: Mask, whole: Mask) -> Mask:
    kept = only & _eroded(whole, _REACH)
    return kept if np.count_nonzero(kept) >= _LEAST_PIXELS else only


def _smooth(count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spread each count a little over the bins beside it."""
    for axis in range(count.ndim):
        wide = np.pad(count, [(1, 1) if k == axis else (0, 0) for k in range(count.ndim)], "edge")
        length = count.shape[axis]
        before, at, after = (wide.take(range(k, k + length), axis) for k in range(3))
        count = 0.25 * before + 0.5 * at + 0.25 * after
    return count


def _edge(lab: Picture, either: Mask, lines: tuple[Mask, Mask]) -> float:
    """Return how much stronger the edge along the first's outline is, both in the other's mask."""
    soft = cv2.GaussianBlur(lab, (0, 0), 1.0)
    across, along = (cv2.Scharr(soft, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    gradient = np.sqrt((across**2 + along**2).sum(axis=2))
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _REACH + 1, 2 * _REACH + 1))
    near = np.log(cv2.dilate(np.asarray(gradient, np.float32), ball) + _FAINT_EDGE)
    inside = _eroded(either, _REACH + 2)
    # What edges are usual within the two: an outline that is too short to tell counts as that.
    usual = float(near[inside].mean()) if inside.any() else 0.0
    first, second = (
        float(near[line].mean()) - usual if np.count_nonzero(line) >= _LEAST_OUTLINE else 0.0
        for line in lines
    )
    return first - second


def _step(lab: Picture, a: Mask, b: Mask, lines: tuple[Mask, Mask]) -> float:
    """Return how much larger the step of colour across the first's outline is."""
    inner = _local_mean(lab, a & b)
    logs: list[float] = []
    for line, outside in zip(lines, (b & ~a, a & ~b), strict=True):
        difference = inner[line] - _local_mean(lab, outside)[line]
        distance = np.sqrt((difference**2).sum(axis=1))
        distance = distance[np.isfinite(distance)]
        if distance.size < _LEAST_OUTLINE:
            return 0.0
        logs.append(float(np.log(distance + _FAINT_STEP).mean()))
    return logs[0] - logs[1]


def _local_mean(lab: Picture, mask: Mask) -> Picture:
    """Return the mean colour of the pixels of a mask around each pixel; NaN where there is none."""
    weight = mask.astype(np.float32)
    total = cv2.GaussianBlur(lab * weight[..., None], (0, 0), 2.0 * _REACH)
    share = cv2.GaussianBlur(weight, (0, 0), 2.0 * _REACH)
    known = np.where(share < 0.02, np.float32(np.nan), share)
    return np.asarray(total / known[..., None], np.float32)
