"""Resampling on a device: whatever is separable is two matrix products, for many planes at once.

The matrices do what OpenCV does: the same kernel widths, pixel centres and mirrored borders.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.training.strands import Noise


def separable(planes: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Resample planes along both axes.

    Parameters
    ----------
    planes : Tensor, shape (..., H, W)
    rows : Tensor, shape (..., P, H)
    columns : Tensor, shape (..., Q, W)

    Returns
    -------
    Tensor, shape (..., P, Q)
    """
    return rows @ (planes @ columns.transpose(-1, -2))


def gaussian(size: int, sigmas: Sequence[float], device: torch.device) -> Tensor:
    """Return matrices that blur `size` pixels, as ``cv2.GaussianBlur`` does to floats.

    Parameters
    ----------
    size : int
    sigmas : sequence of float
        In pixels, above 0.
    device : torch.device

    Returns
    -------
    Tensor of float32, shape (len(sigmas), size, size)
    """
    radii = [min(size - 1, (round(sigma * 8 + 1) | 1) // 2) for sigma in sigmas]
    radius = torch.tensor(radii, dtype=torch.float64, device=device)[:, None, None]
    sigma = torch.tensor(sigmas, dtype=torch.float64, device=device)[:, None, None]
    to, start = _places(size, size, device)

    def weight(distance: Tensor) -> Tensor:
        inside = distance.abs() <= radius
        return torch.where(inside, torch.exp(-0.5 * (distance / sigma) ** 2), 0.0)

    taps = torch.arange(-max(radii), max(radii) + 1, device=device, dtype=torch.float64)
    whole = weight(taps[None, None]).sum(dim=2, keepdim=True)
    # Beyond an end, the picture goes on as its mirror image; the pixel at the end is not doubled.
    mirrored = weight(start + to) * (start > 0) + weight(2 * (size - 1) - start - to) * (
        start < size - 1
    )
    return ((weight(start - to) + mirrored) / whole).float()


def area(before: int, after: int, device: torch.device) -> Tensor:
    """Return the matrix, (after, before), of ``cv2.resize`` with INTER_AREA to fewer pixels."""
    scale = before / after
    to, start = _places(after, before, device)
    overlap = torch.minimum(start + 1, (to + 1) * scale) - torch.maximum(start, to * scale)
    return (overlap.clamp(min=0) / scale).float()


def linear(before: int, after: int, device: torch.device) -> Tensor:
    """Return the matrix, (after, before), of ``cv2.resize`` with INTER_LINEAR."""
    to, start = _places(after, before, device)
    at = ((to + 0.5) * (before / after) - 0.5).clamp(0, before - 1)
    return (1 - (at - start).abs()).clamp(min=0).float()


def spread(noise: Noise, device: torch.device) -> Tensor:
    """Return noise at its size, shape (H, W); see `vimatte.training.strands.spread`."""
    grid = torch.from_numpy(noise.grid).to(device)[None, None]
    return F.interpolate(grid, size=noise.size, mode="bicubic", align_corners=False)[0, 0]


def grid_of(size: int, device: torch.device) -> Tensor:
    """Return the (x, y) of every pixel of a square crop, float32, shape (size, size, 2)."""
    along = torch.arange(size, device=device, dtype=torch.float32)
    return torch.stack(torch.meshgrid(along, along, indexing="xy"), dim=-1)


def sample(planes: Tensor, at: Tensor) -> Tensor:
    """Look planes up between pixels; outside of them lies their border.

    Parameters
    ----------
    planes : Tensor, shape (N, C, H, W)
    at : Tensor, shape (N, P, Q, 2)
        Pixels (x, y).

    Returns
    -------
    Tensor, shape (N, C, P, Q)
    """
    height, width = planes.shape[-2:]
    most = torch.tensor([max(1, width - 1), max(1, height - 1)], device=at.device)
    return F.grid_sample(
        planes, at * (2 / most) - 1, "bilinear", padding_mode="border", align_corners=True
    )


def _places(after: int, before: int, device: torch.device) -> tuple[Tensor, Tensor]:
    to = torch.arange(after, device=device, dtype=torch.float64)[:, None]
    return to, torch.arange(before, device=device, dtype=torch.float64)[None, :]
