"""What every network does with a crop before and around its own work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.errors import OutOfMemoryError
from vimatte.models.base import Crop


def at_scale(x: Tensor, scale: int) -> Tensor:
    """Bring RGB and masks to the network's working scale; masks stay masks.

    Parameters
    ----------
    x : Tensor, shape (N, 5, H, W)
        RGB, target mask, reference mask, in plate pixels.
    scale : int
        Plate pixels for one pixel of the network.

    Returns
    -------
    Tensor, shape (N, 5, H / scale, W / scale)
    """
    if scale == 1:
        return x
    x = F.avg_pool2d(x, scale)
    return torch.cat([x[:, :3], (x[:, 3:] >= 0.5).to(x.dtype)], dim=1)


@contextmanager
def on_device(crop: Crop) -> Iterator[None]:
    """Say in one line that a region is too large for the device's memory.

    Raises
    ------
    OutOfMemoryError
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        height, width = crop.target.shape
        raise OutOfMemoryError(
            f"the device has no memory for a region of {width}x{height}",
            hint="use --quality draft, or --device cpu",
        ) from error
