"""The mixture of mask augmentations of MSG-VIM: erase, paste and merge, held over a clip; noise.

Li et al., "Video Instance Matting" (MSG-VIM), WACV 2024, section 3.2: masks of a segmentation
network miss parts, gain parts, and take parts of other instances. Each is drawn once a clip and
moves with what it belongs to; drawn anew for every frame, it would flicker as no masks do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]
FLICKER = 4


@dataclass(frozen=True)
class MaskAugmentation:
    """How often each happens to an instance's masks in a clip, 0 to 1.

    Attributes
    ----------
    erase : float
        A block of the mask is lost, at the same place of the instance in every frame.
    paste : float
        A block of the mask appears a second time, beside it.
    merge : float
        A block of another instance's mask is taken for this one's.
    noise : float
        Salt and pepper of up to 30% of the pixels, more often much than little, drawn anew for
        every frame.
    flicker : float
        The outline moves in or out by up to `FLICKER` pixels, drawn anew for every frame.
    """

    erase: float = 0.15
    paste: float = 0.1
    merge: float = 0.1
    noise: float = 0.0
    flicker: float = 0.0


def augment(masks: list[Masks], how: MaskAugmentation, rng: np.random.Generator) -> list[Masks]:
    """Return the masks of all instances with errors added; the given ones stay as they are.

    Parameters
    ----------
    masks : list of ndarray of bool, shape (T, H, W)
        One an instance, of the same shape.
    how : MaskAugmentation
    rng : numpy.random.Generator

    Returns
    -------
    list of ndarray of bool, shape (T, H, W)
    """
    out = [mask.copy() for mask in masks]
    for index, mask in enumerate(masks):
        # Drawn whether they are used or not: switching one off must not change the others.
        chances = rng.random(3)
        draws = rng.random((3, 6))
        path = _path(mask)
        if chances[0] < how.erase:
            for t, window in _blocks(path, draws[0]):
                out[index][t][window] = False
        if chances[1] < how.paste:
            offset = ((draws[1, 4:] - 0.5) * 0.6 * np.array(mask.shape[1:])).astype(int)
            for t, window in _blocks(path, draws[1]):
                _paste(out[index][t], mask[t], window, offset)
        others = [i for i in range(len(masks)) if i != index and masks[i].any()]
        if chances[2] < how.merge and others:
            other = others[int(draws[2, 5] * len(others))]
            for t, window in _blocks(_path(masks[other]), draws[2]):
                out[index][t][window] |= masks[other][t][window]
                out[other][t][window] = False
    if how.flicker and rng.random() < how.flicker:
        out = [np.stack([_moved(frame, rng) for frame in mask]) for mask in out]
    if how.noise and rng.random() < how.noise:
        strength = 0.3 * np.sqrt(rng.random())
        out = [salt_and_pepper(mask, strength, rng) for mask in out]
    return out


def salt_and_pepper(masks: Masks, strength: float, rng: np.random.Generator) -> Masks:
    """Return masks in which a share of the pixels is set or cleared, each with a half's chance.

    Parameters
    ----------
    masks : ndarray of bool, any shape
    strength : float
        Share of the pixels that are replaced, 0 to 1: half of them change nothing.
    rng : numpy.random.Generator
    """
    drawn = rng.random(masks.shape, dtype=np.float32)
    noisy: Masks = np.where(drawn < strength, drawn < strength / 2, masks)
    return noisy


def _moved(frame: Masks, rng: np.random.Generator) -> Masks:
    """Return a mask with its outline moved in or out."""
    by = int(rng.integers(-FLICKER, FLICKER + 1))
    if by == 0:
        return frame
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1,) * 2)
    move = cv2.dilate if by > 0 else cv2.erode
    return np.asarray(move(frame.astype(np.uint8), kernel), np.uint8) > 0


def _path(mask: Masks) -> list[tuple[int, int, int, int] | None]:
    """Return the box (top, left, height, width) of every frame's mask, None where it is empty."""
    boxes: list[tuple[int, int, int, int] | None] = []
    for frame in mask:
        rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
        if len(rows) == 0:
            boxes.append(None)
            continue
        size = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
        boxes.append((int(rows[0]), int(columns[0]), *size))
    return boxes


def _blocks(
    path: list[tuple[int, int, int, int] | None], draw: NDArray[np.float64]
) -> list[tuple[int, tuple[slice, slice]]]:
    """Return a block for every frame that has a mask: an eighth to a half of its box, inside it."""
    out = []
    for t, box in enumerate(path):
        if box is None:
            continue
        top, left, height, width = box
        high = max(1, int(height * (0.125 + 0.375 * draw[0])))
        wide = max(1, int(width * (0.125 + 0.375 * draw[1])))
        row, column = top + int((height - high) * draw[2]), left + int((width - wide) * draw[3])
        out.append((t, (slice(row, row + high), slice(column, column + wide))))
    return out


def _paste(
    target: Masks, source: Masks, window: tuple[slice, slice], offset: NDArray[np.int_]
) -> None:
    """Add a block of a mask to another place; what falls outside of the picture is left out."""
    piece = source[window]
    height, width = target.shape
    row, column = window[0].start + int(offset[0]), window[1].start + int(offset[1])
    top, left = max(0, row), max(0, column)
    bottom, right = min(height, row + piece.shape[0]), min(width, column + piece.shape[1])
    if top < bottom and left < right:
        part = piece[top - row : bottom - row, left - column : right - column]
        target[top:bottom, left:right] |= part
