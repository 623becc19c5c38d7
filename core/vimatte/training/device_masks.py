"""Coarse guidance masks in torch, with the errors of `mask_degradation` and `mask_augmentation`.

Distances to the outline are exact in the metric of the host's composer, which is OpenCV's 3x3
chamfer: steps of 0.955 along the axes and 1.3693 across, at most 5% off the Euclidean distance. The
nearest pixel of the other side is looked for along columns, then over neighbouring columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.training.device_resample import area, gaussian, linear, separable, spread
from vimatte.training.mask_augmentation import (
    Box,
    MaskAugmentation,
    MaskErrors,
    draw_mask_errors,
    move_blocks,
)
from vimatte.training.mask_degradation import FURTHEST, SWING, Degradation, draw_errors

ALONG, ACROSS = 0.955, 1.3693


def signed_distance(inside: Tensor) -> Tensor:
    """Return distances to the other side: positive inside, negative outside, at most `FURTHEST`.

    Parameters
    ----------
    inside : Tensor of bool, shape (..., H, W)

    Returns
    -------
    Tensor of float32, shape (..., H, W)
    """
    # A step aside costs no less than ALONG, so that nothing further away counts.
    reach = int(FURTHEST / ALONG) + 1
    out_of, into = (_down_the_columns(side) for side in (~inside, inside))
    out_of, into = (F.pad(d, (reach, reach), value=float(4 * reach)) for d in (out_of, into))
    width = inside.shape[-1]
    nearest = torch.full(inside.shape, float(FURTHEST), device=inside.device)
    diagonal = ACROSS - ALONG
    for aside in range(-reach, reach + 1):
        there = slice(reach + aside, reach + aside + width)
        rows = torch.where(inside, out_of[..., there], into[..., there])
        longer = torch.maximum(
            rows * diagonal + ALONG * abs(aside), rows * ALONG + diagonal * abs(aside)
        )
        nearest = torch.minimum(nearest, longer)
    return torch.where(inside, nearest, -nearest)


def degrade(alphas: Tensor, drawn: Sequence[Degradation]) -> Tensor:
    """Return the guidance masks of whole clips; see `mask_degradation.degrade_mask`.

    Parameters
    ----------
    alphas : Tensor of float32, shape (N, T, H, W), in [0, 1]
    drawn : sequence of Degradation
        One a clip.

    Returns
    -------
    Tensor of bool, shape (N, T, H, W)
    """
    frames, height, width = alphas.shape[1:]
    device = alphas.device
    times = [t / max(1, frames - 1) for t in range(frames)]
    errors = [draw_errors(how, height, width) for how in drawn]
    threshold = torch.tensor([how.threshold for how in drawn], device=device)
    signed = signed_distance(alphas > threshold[:, None, None, None])
    rounded = [i for i, how in enumerate(drawn) if how.round_off > 0]
    if rounded:
        sigmas = [drawn[i].round_off for i in rounded]
        rows, columns = (gaussian(side, sigmas, device)[:, None] for side in (height, width))
        signed[rounded] = separable(signed[rounded], rows, columns)
    angles = torch.tensor([time * SWING for time in times], device=device)[:, None, None]
    for clip, how, error in zip(signed, drawn, errors, strict=True):
        if error.swing is not None:
            first, last = (spread(noise, device) for noise in error.swing)
            clip.add_(angles.cos() * first + angles.sin() * last, alpha=how.wobble)
    coarse = [i for i, how in enumerate(drawn) if how.coarse > 1]
    if coarse:
        factors = [drawn[i].coarse for i in coarse]
        rows, columns = (_coarse(side, factors, device)[:, None] for side in (height, width))
        signed[coarse] = separable(signed[coarse], rows, columns)
    offsets = [[how.offset(time) for time in times] for how in drawn]
    masks = signed > -torch.tensor(offsets, device=device)[:, :, None, None]
    for clip, error in zip(masks, errors, strict=True):
        for (rows_of, columns_of), value in error.patches:
            clip[:, rows_of, columns_of] = value
    return masks


def augment_all(
    masks: list[Tensor], how: MaskAugmentation, rngs: Sequence[np.random.Generator]
) -> None:
    """Add errors to the masks of many samples; changes the list.

    Parameters
    ----------
    masks : list of Tensor of bool, shape (N, T, H, W)
        A sample's N instances.
    how : MaskAugmentation
    rngs : sequence of numpy.random.Generator
        One a sample.
    """
    # Where the masks are takes one trip to the host for all samples.
    paths = iter(boxes(torch.cat(masks)))
    for index, (own, rng) in enumerate(zip(masks, rngs, strict=True)):
        size = own.shape[-2], own.shape[-1]
        errors = draw_mask_errors([next(paths) for _ in own], size, how, rng, draw_seed)
        masks[index] = augment(own, errors)


def draw_seed(rng: np.random.Generator) -> int:
    """Draw the seed of a generator on a device."""
    return int(rng.integers(1 << 62))


def augment(masks: Tensor, errors: MaskErrors[int]) -> Tensor:
    """Return the masks of one sample with errors added.

    Parameters
    ----------
    masks : Tensor of bool, shape (N, T, H, W)
        Of N instances.
    errors : MaskErrors of int
        The noise is the seed of a generator on the device.
    """
    out = masks.clone()
    move_blocks(out, masks, errors.blocks)  # type: ignore[arg-type]
    if errors.moves is not None:
        for clip, moves in zip(out, errors.moves, strict=True):
            for frame, by in zip(clip, moves, strict=True):
                if by:
                    frame[:] = _moved(frame, by)
    if errors.noise is not None:
        generator = torch.Generator(out.device).manual_seed(errors.noise)
        drawn = torch.rand(out.shape, generator=generator, device=out.device)
        out = torch.where(drawn < errors.strength, drawn < errors.strength / 2, out)
    return out


def boxes(masks: Tensor) -> list[list[Box | None]]:
    """Return every frame's box (top, left, height, width), None where it is empty.

    One transfer from the device, whatever their number.

    Parameters
    ----------
    masks : Tensor of bool, shape (N, T, H, W)
    """
    ends = []
    for axis in (-1, -2):
        full = masks.any(dim=axis).byte()
        # The first of equal values is found, from either end.
        ends += [full.argmax(dim=-1), full.shape[-1] - 1 - full.flip(-1).argmax(dim=-1)]
    found = torch.stack([*ends, masks.flatten(-2).any(dim=-1).long()], dim=-1).tolist()
    return [
        [
            (top, left, bottom - top + 1, right - left + 1) if some else None
            for top, bottom, left, right, some in frames
        ]
        for frames in found
    ]


def _down_the_columns(aim: Tensor) -> Tensor:
    """Return how many rows lie between every pixel and the nearest one of `aim` in its column."""
    height = aim.shape[-2]
    far = float(4 * FURTHEST)
    row = torch.arange(height, device=aim.device, dtype=torch.float32)[:, None]
    above = torch.where(aim, row, -far).cummax(dim=-2).values
    below = torch.where(aim, row, height + far).flip(-2).cummin(dim=-2).values.flip(-2)
    return torch.minimum(row - above, below - row)


def _coarse(side: int, factors: Sequence[int], device: torch.device) -> Tensor:
    """Return matrices that make `side` pixels coarse and wide again, shape (N, side, side)."""
    made = []
    for factor in factors:
        small = max(2, side // factor)
        made.append(linear(small, side, device) @ area(side, small, device))
    return torch.stack(made)


def _moved(frame: Tensor, by: int) -> Tensor:
    """Return a mask, (H, W), with its outline moved outwards by some pixels, or inwards."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1,) * 2)
    kernel = torch.from_numpy(disc).to(frame.device).float()[None, None]
    grown = frame if by > 0 else ~frame
    near = F.conv2d(grown.float()[None, None], kernel, padding=abs(by))[0, 0] > 0.5
    return near if by > 0 else ~near
