"""The mixture of mask augmentations of MSG-VIM: erase, paste and merge, held over a clip; noise.

Li et al., "Video Instance Matting" (MSG-VIM), WACV 2024, section 3.2: masks of a segmentation
network miss parts, gain parts, and take parts of other instances. Each is drawn once a clip and
moves with what it belongs to; drawn anew for every frame, it would flicker as no masks do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.bool_]
Box = tuple[int, int, int, int]
Window = tuple[slice, slice]
Field = TypeVar("Field")
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


@dataclass(frozen=True)
class MaskErrors(Generic[Field]):
    """The errors of one clip's masks, drawn; applied in the order of the attributes.

    Attributes
    ----------
    blocks : tuple of Blocks
        One an instance.
    moves : tuple of tuple of int, optional
        Pixels by which every frame of every instance moves outwards (negative: inwards).
    noise : field, optional
        Numbers in [0, 1), one a pixel for every instance, or where they come from.
    strength : float
        Share of the pixels that salt and pepper replace.
    """

    blocks: tuple[Blocks, ...]
    moves: tuple[tuple[int, ...], ...] | None
    noise: Field | None
    strength: float


@dataclass(frozen=True)
class Blocks:
    """What happens to one instance's masks, by frame and window (rows, columns).

    Attributes
    ----------
    erased, pasted : list of (int, window)
    offset : tuple of int
        Rows and columns from a pasted block to its copy.
    merged : list of (int, window)
        Blocks of instance `other` that this one takes.
    other : int
    """

    erased: list[tuple[int, Window]]
    pasted: list[tuple[int, Window]]
    offset: tuple[int, int]
    merged: list[tuple[int, Window]]
    other: int


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
    paths = [_path(mask) for mask in masks]
    height, width = masks[0].shape[1:]

    def noise(rng: np.random.Generator) -> list[NDArray[np.float32]]:
        return [rng.random(mask.shape, dtype=np.float32) for mask in masks]

    errors = draw_mask_errors(paths, (height, width), how, rng, noise)
    out = [mask.copy() for mask in masks]
    move_blocks(out, masks, errors.blocks)
    if errors.moves is not None:
        out = [
            np.stack([_moved(frame, by) for frame, by in zip(mask, moves, strict=True)])
            for mask, moves in zip(out, errors.moves, strict=True)
        ]
    if errors.noise is not None:
        fields = zip(out, errors.noise, strict=True)
        out = [_peppered(mask, errors.strength, drawn) for mask, drawn in fields]
    return out


def draw_mask_errors(
    paths: Sequence[Sequence[Box | None]],
    size: tuple[int, int],
    how: MaskAugmentation,
    rng: np.random.Generator,
    noise: Callable[[np.random.Generator], Field],
) -> MaskErrors[Field]:
    """Draw the errors of one clip's masks.

    Parameters
    ----------
    paths : sequence of sequence of tuple of int
        Per instance and frame the mask's box (top, left, height, width), None where it is empty.
    size : tuple of int
        Height and width of the masks.
    how : MaskAugmentation
    rng : numpy.random.Generator
    noise : callable
        Called at the noise's turn: returns the field, or what it is to be made from.
    """
    drawn = []
    for index, path in enumerate(paths):
        # Drawn whether they are used or not: switching one off must not change the others.
        chances = rng.random(3)
        draws = rng.random((3, 6))
        erased = _blocks(path, draws[0]) if chances[0] < how.erase else []
        pasted = _blocks(path, draws[1]) if chances[1] < how.paste else []
        down, across = ((draws[1, 4:] - 0.5) * 0.6 * np.array(size)).astype(int)
        others = [i for i, p in enumerate(paths) if i != index and any(box for box in p)]
        merged: list[tuple[int, Window]] = []
        other = index
        if chances[2] < how.merge and others:
            other = others[int(draws[2, 5] * len(others))]
            merged = _blocks(paths[other], draws[2])
        drawn.append(Blocks(erased, pasted, (int(down), int(across)), merged, other))
    moves = None
    if how.flicker and rng.random() < how.flicker:
        moves = tuple(
            tuple(int(rng.integers(-FLICKER, FLICKER + 1)) for _ in path) for path in paths
        )
    if how.noise and rng.random() < how.noise:
        strength = 0.3 * np.sqrt(rng.random())
        return MaskErrors(tuple(drawn), moves, noise(rng), float(strength))
    return MaskErrors(tuple(drawn), moves, None, 0.0)


def move_blocks(out: Sequence[Any], masks: Sequence[Any], drawn: Sequence[Blocks]) -> None:
    """Erase, paste and merge blocks of `masks` in `out`, a copy of them.

    Parameters
    ----------
    out, masks : sequence of ndarray or Tensor of bool, shape (T, H, W)
    drawn : sequence of Blocks
        One an instance.
    """
    for index, blocks in enumerate(drawn):
        for t, window in blocks.erased:
            out[index][t][window] = False
        for t, window in blocks.pasted:
            _paste(out[index][t], masks[index][t], window, blocks.offset)
        for t, window in blocks.merged:
            out[index][t][window] |= masks[blocks.other][t][window]
            out[blocks.other][t][window] = False


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
    return _peppered(masks, strength, drawn)


def _peppered(masks: Masks, strength: float, drawn: NDArray[np.float32]) -> Masks:
    noisy: Masks = np.where(drawn < strength, drawn < strength / 2, masks)
    return noisy


def _moved(frame: Masks, by: int) -> Masks:
    """Return a mask with its outline moved in or out."""
    if by == 0:
        return frame
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1,) * 2)
    move = cv2.dilate if by > 0 else cv2.erode
    return np.asarray(move(frame.astype(np.uint8), kernel), np.uint8) > 0


def _path(mask: Masks) -> list[Box | None]:
    """Return the box (top, left, height, width) of every frame's mask, None where it is empty."""
    boxes: list[Box | None] = []
    for frame in mask:
        rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
        if len(rows) == 0:
            boxes.append(None)
            continue
        size = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
        boxes.append((int(rows[0]), int(columns[0]), *size))
    return boxes


def _blocks(path: Sequence[Box | None], draw: NDArray[np.float64]) -> list[tuple[int, Window]]:
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


def _paste(target: Any, source: Any, window: Window, offset: tuple[int, int]) -> None:
    """Add a block of a mask to another place; what falls outside of the picture is left out."""
    piece = source[window]
    height, width = target.shape
    row, column = window[0].start + offset[0], window[1].start + offset[1]
    top, left = max(0, row), max(0, column)
    bottom, right = min(height, row + piece.shape[0]), min(width, column + piece.shape[1])
    if top < bottom and left < right:
        part = piece[top - row : bottom - row, left - column : right - column]
        target[top:bottom, left:right] |= part
