"""One frame of all instances: cut regions out, step the network, make the alphas joint.

No torch here: the network is behind `vimatte.models.base.MattingModel`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import GuidanceFrame, NetworkFrame
from vimatte.frames.window import Window
from vimatte.matting.joint import solve_joint
from vimatte.matting.regions import Region, RegionStep
from vimatte.matting.steadying import DEFAULT_STEADINESS, Past, half_grey, steadied
from vimatte.models.base import Crop, Mask, MattingModel, StateArray

Plane = NDArray[np.float32]
DEFAULT_COUPLING = 0.5


@dataclass(frozen=True, slots=True)
class InstanceState:
    """What one instance carries from frame to frame.

    Attributes
    ----------
    window : Window
        The region it was computed in, on the plate's lattice.
    scale : int
        Plate pixels for one pixel of the network.
    hidden : ndarray of float16, shape (C, rows, columns)
        The network's recurrent state.
    past : Past
        The last alpha and the plate under it. A frame that has no mask takes it from there, see
        `held_mask`.
    """

    window: Window
    scale: int
    hidden: StateArray
    past: Past


State = Mapping[int, InstanceState]


@dataclass(frozen=True, slots=True)
class _Mask:
    """A mask as the network gets it: guidance's, or that of a held instance, which may be soft."""

    window: Window
    mask: Mask


@dataclass(frozen=True, slots=True)
class InstanceAlpha:
    """One instance's matte in one frame.

    Attributes
    ----------
    window : Window
        Square pixels, display-window coordinates.
    alpha : ndarray of float32, shape (window.height, window.width), in [0, 1]
    """

    window: Window
    alpha: Plane


def step_frame(
    model: MattingModel,
    frame: NetworkFrame,
    guidance: GuidanceFrame,
    steps: Mapping[int, RegionStep],
    state: State,
    *,
    coupling: float = DEFAULT_COUPLING,
    steadiness: float = DEFAULT_STEADINESS,
) -> tuple[dict[int, InstanceAlpha], dict[int, InstanceState]]:
    """Compute every instance of one frame.

    Parameters
    ----------
    model : MattingModel
    frame : NetworkFrame
    guidance : GuidanceFrame
    steps : mapping of int to RegionStep
        Where each instance is computed in this frame; planned from guidance alone.
    state : mapping of int to InstanceState
        After the frame before; by instance id, never by position in a batch.
    coupling : float
        Weight of the reference predictions in the joint alphas.
    steadiness : float
        How much the alpha of the frame before counts, moved along; see `vimatte.matting.steadying`.

    Returns
    -------
    alphas : dict of int to InstanceAlpha
        At every pixel they sum to at most 1; nothing lies outside the plate.
    state : dict of int to InstanceState
    """
    masks = _current_masks(guidance, steps, state)
    regions = {
        key: step.region
        for key, step in sorted(steps.items())
        if step.region is not None and not frame.window.empty
    }
    work: list[tuple[Crop, StateArray | None]] = []
    for key, region in regions.items():
        before = None if steps[key].reset else state.get(key)
        hidden = None if before is None else align(before, region, model.state_stride)
        work.append((_crop(frame, masks, key, region), hidden))
    mattes: dict[int, tuple[Window, Plane, Plane]] = {}
    after: dict[int, InstanceState] = {}
    stepped = zip(regions.items(), work, model.step(work), strict=True)
    for (key, region), (crop, hidden), (matte, left) in stepped:
        window, alpha = region.window, matte.alpha
        grey = half_grey(crop.rgb)
        if hidden is not None:
            alpha = steadied(window, alpha, grey, state[key].past, steadiness)
        # Rounded as it is stored: a run that saves nothing must see the same past.
        past = Past(window, alpha.astype(np.float16), grey)
        after[key] = InstanceState(window, region.scale, left, past)
        inside = window.intersect(frame.window)
        if not inside.empty:
            cells = inside.slices_in(window)
            mattes[key] = (inside, alpha[cells], matte.reference[cells])
    keys = list(mattes)
    joint = solve_joint(
        [mattes[k][0] for k in keys],
        [mattes[k][1] for k in keys],
        [mattes[k][2] for k in keys],
        lam=coupling,
    )
    alphas = {k: InstanceAlpha(mattes[k][0], a) for k, a in zip(keys, joint, strict=True)}
    return alphas, after


def _crop(frame: NetworkFrame, masks: Mapping[int, _Mask], key: int, region: Region) -> Crop:
    others = [mask for other, mask in masks.items() if other != key]
    return Crop(
        rgb=cut(frame.pixels, frame.window, region.window),
        target=_union([masks[key]] if key in masks else [], frame.window, region.window),
        reference=_union(others, frame.window, region.window),
        scale=region.scale,
    )


def cut(pixels: Plane, covered: Window, window: Window) -> Plane:
    """Return the pixels of `window`, reflected where it reaches outside of `covered`."""
    if covered.contains(window):
        return np.ascontiguousarray(pixels[window.slices_in(covered)])
    inside = covered.intersect(window)
    edges = (
        inside.y - window.y,
        window.bottom - inside.bottom,
        inside.x - window.x,
        window.right - inside.right,
    )
    # OpenCV's border is ten times faster; it mirrors what it is given, and no further than that.
    if not inside.empty and max(edges[:2]) < inside.height and max(edges[2:]) < inside.width:
        part = pixels[inside.slices_in(covered)]
        return np.asarray(cv2.copyMakeBorder(part, *edges, cv2.BORDER_REFLECT_101), pixels.dtype)
    rows = _reflect(window.y - covered.y, window.height, covered.height)
    columns = _reflect(window.x - covered.x, window.width, covered.width)
    return np.ascontiguousarray(pixels[rows[:, None], columns[None, :]])


def align(before: InstanceState, region: Region, stride: int) -> StateArray | None:
    """Move a state to the cells of another region: whole cells, new ones zero, never resampled.

    Returns
    -------
    ndarray of float16, or None
        None where the scale differs: such a state means something else.
    """
    if before.scale != region.scale:
        return None
    cell = stride * region.scale
    old, new = before.window, region.window
    if old == new:
        return before.hidden
    grid_old = Window(old.x // cell, old.y // cell, old.width // cell, old.height // cell)
    grid_new = Window(new.x // cell, new.y // cell, new.width // cell, new.height // cell)
    moved = np.zeros((before.hidden.shape[0], *grid_new.shape), np.float16)
    shared = grid_old.intersect(grid_new)
    if not shared.empty:
        moved[(slice(None), *shared.slices_in(grid_new))] = before.hidden[
            (slice(None), *shared.slices_in(grid_old))
        ]
    return moved


def _current_masks(
    guidance: GuidanceFrame, steps: Mapping[int, RegionStep], state: State
) -> dict[int, _Mask]:
    """Return the masks of the frame; a held instance's is what its last alpha was."""
    masks = {key: _Mask(item.window, item.mask) for key, item in guidance.masks.items()}
    for key, step in steps.items():
        if step.hold and key in state:
            masks[key] = _Mask(state[key].window, held_mask(state[key].past.alpha))
    return masks


def held_mask(alpha: NDArray[np.float16]) -> Plane:
    """Return the mask that an alpha leaves to a frame without one: 1 from 0.53 on, 0 up to 0.47.

    With a threshold at one half, a difference in an alpha's last bits would put a pixel into the
    mask or leave it out; so it is soft in between.
    """
    soft = alpha.astype(np.float32) * 16 - np.float32(7.5)
    return np.asarray(np.clip(soft, 0, 1), np.float32)


def _union(masks: list[_Mask], covered: Window, window: Window) -> Mask:
    """Return the union of masks in `window`, reflected outside of the plate as its pixels are.

    A person cut off by the plate's border goes on in the mirror: with an empty mask there, the
    network would take the border for an outline.
    """
    rows = _reflect(window.y - covered.y, window.height, covered.height)
    columns = _reflect(window.x - covered.x, window.width, covered.width)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) + 1 - top, int(columns.max()) + 1 - left
    seen = Window(covered.x + left, covered.y + top, width, height)
    soft = any(mask.mask.dtype != np.bool_ for mask in masks)
    union: Mask = np.zeros(seen.shape, np.float32 if soft else np.bool_)
    for mask in masks:
        shared = mask.window.intersect(seen)
        if not shared.empty:
            part = union[shared.slices_in(seen)]
            np.maximum(part, mask.mask[shared.slices_in(mask.window)], out=part)
    if seen == window:
        return union
    mirrored: Mask = union[(rows - top)[:, None], (columns - left)[None, :]]
    return mirrored


def _reflect(start: int, count: int, size: int) -> NDArray[np.intp]:
    """Return indices that mirror at both borders, without repeating them."""
    index = np.arange(start, start + count)
    if size == 1:
        return np.zeros(count, np.intp)
    period = 2 * (size - 1)
    index = np.abs(index) % period
    return np.where(index < size, index, period - index).astype(np.intp)
