"""Losses over the three scales of a prediction, and over time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LAPLACIAN_LEVELS = 4


def band_of(truth: Tensor, reach: int) -> Tensor:
    """Return 1 within `reach` pixels of where `truth` is neither 0 nor 1, else 0; same shape."""
    unknown = ((truth > 0.01) & (truth < 0.99)).to(truth.dtype)
    shape = unknown.shape
    unknown = unknown.reshape(-1, 1, *shape[-2:])
    wide = F.max_pool2d(unknown, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    wide = F.max_pool2d(wide, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return wide.reshape(shape)


def weighted_l1(alpha: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of |alpha - truth| * weight."""
    return ((alpha - truth).abs() * weight).mean()


def laplacian(alpha: Tensor, truth: Tensor) -> Tensor:
    """Laplacian pyramid loss (Hou and Liu, "Context-Aware Image Matting", ICCV 2019, eq. 3).

    Parameters
    ----------
    alpha, truth : Tensor, shape (N, C, H, W)
        H and W multiples of ``2 ** LAPLACIAN_LEVELS``.
    """
    difference = alpha - truth  # the pyramid is linear: one instead of two
    total: Tensor = difference.new_zeros(())
    for level in range(LAPLACIAN_LEVELS):
        small = F.avg_pool2d(difference, 2)
        up = F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + (difference - up).abs().mean() * 2**level
        difference = small
    total = total + difference.abs().mean() * 2**LAPLACIAN_LEVELS
    return total


def temporal(alpha: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of the frame-to-frame change; 0 for a single frame.

    Parameters
    ----------
    alpha, truth : Tensor, shape (N, T, C, H, W)
    """
    if alpha.shape[1] < 2:
        return alpha.new_zeros(())
    change = (alpha[:, 1:] - alpha[:, :-1]) - (truth[:, 1:] - truth[:, :-1])
    error: Tensor = change.abs().mean()
    return error


def squares(alpha: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of the matte plus that of its frame-to-frame change.

    MSE and dtSSD (Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015)
    are squares, in which few large errors outweigh many small ones; absolute errors count them
    alike.

    Parameters
    ----------
    alpha, truth : Tensor, shape (N, T, C, H, W)
    """
    error = alpha - truth
    total: Tensor = error.square().mean()
    if error.shape[1] > 1:
        total = total + (error[:, 1:] - error[:, :-1]).square().mean()
    return total


def composition(alpha: Tensor, truth: Tensor, contrast: Tensor) -> Tensor:
    """Composition loss (Xu et al., "Deep Image Matting", CVPR 2017, eq. 4).

    There it is |(a F + (1 - a) B) - I|; with I composed from the truth that is |a - truth| |F - B|.

    Parameters
    ----------
    alpha, truth : Tensor, shape (N, T, 1, P, P)
    contrast : Tensor, shape (N, T, 1, P, P), in [0, 1]
        |F - B|, the mean of the channels.
    """
    error: Tensor = ((alpha - truth).abs() * contrast).mean()
    return error


def matting_loss(
    alphas: dict[str, Tensor],
    truth: Tensor,
    contrast: Tensor | None = None,
    *,
    temporal_weight: float = 2.0,
    square_weight: float = 0.0,
) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of one window of frames, and its parts for the log.

    Parameters
    ----------
    alphas : dict
        ``os8`` (N, T, 2, H/8, W/8) and ``os4`` (N, T, 2, H/4, W/4) at network resolution,
        ``os1`` and ``fused`` (N, T, 2, P, P) at plate resolution, ``band`` (N, T, 1, P, P).
    truth : Tensor, shape (N, T, 2, P, P)
    contrast : Tensor, shape (N, T, 1, P, P), optional
        See `composition`, which needs it.
    temporal_weight : float
        Of the changes of the fused matte; the one at stride 4 weighs half as much.
    square_weight : float
        See `squares`, of the fused matte.
    """
    count, frames = truth.shape[:2]
    flat = truth.flatten(0, 1)
    parts: dict[str, Tensor] = {}
    for name, factor in (("os8", 1.0), ("os4", 1.0)):
        alpha = alphas[name].flatten(0, 1)
        cell = flat.shape[-1] // alpha.shape[-1]
        small = F.avg_pool2d(flat, cell)
        # Where a matte is solid it must be solid: a soft inside is the first thing one sees.
        weight = 1 + 3 * band_of(small, 1) + 2 * (small > 0.99).to(small.dtype)
        parts[name] = factor * weighted_l1(alpha, small, weight)
    band = alphas["band"].flatten(0, 1).to(flat.dtype)
    weight = band * (1 + 3 * band_of(flat, 4))
    os1 = ((alphas["os1"].flatten(0, 1) - flat).abs() * weight).mean()
    parts["os1"] = 2 * os1
    fused = alphas["fused"].flatten(0, 1)
    parts["fused"] = weighted_l1(fused, flat, 1 + 2 * (flat > 0.99).to(flat.dtype))
    parts["lap"] = 0.25 * laplacian(fused, flat)
    if contrast is not None:
        parts["comp"] = composition(alphas["fused"][:, :, :1], truth[:, :, :1], contrast)
    if frames > 1:
        four = F.avg_pool2d(flat, flat.shape[-1] // alphas["os4"].shape[-1])
        coarse = temporal(alphas["os4"], four.reshape(count, frames, *four.shape[1:]))
        parts["time"] = temporal_weight * (temporal(alphas["fused"], truth) + coarse / 2)
    if square_weight:
        parts["squares"] = square_weight * squares(alphas["fused"], truth)
    total = torch.stack(list(parts.values())).sum()
    return total, {name: float(value.detach()) for name, value in parts.items()}
