"""What every network does with a crop before and around its own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.errors import OutOfMemoryError
from vimatte.models.base import Crop

Result = TypeVar("Result")


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
    # Inside from one half on. The ramp below it takes less than one pixel of 8 x 8: binary masks
    # stay binary, and the last bits of a soft one (a held instance's) decide nothing by themselves.
    return torch.cat([x[:, :3], (64 * x[:, 3:] - 31).clamp(0, 1)], dim=1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or numpy says that there is no memory left, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # On a CPU torch has no type of its own for it.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def free_unused(device: torch.device) -> None:
    """Give back what torch holds of a GPU's memory without using it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def with_second_try(work: Callable[[], Result], device: torch.device) -> Result:
    """Return ``work()``; where memory is short, free what is unused and call it once more."""
    try:
        return work()
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside of the handler: the error holds on to what the failed call had allocated.
    free_unused(device)
    return work()


@contextmanager
def on_device(crop: Crop) -> Iterator[None]:
    """Say in one line that a region is too large for the device's memory.

    Raises
    ------
    OutOfMemoryError
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        height, width = crop.target.shape
        raise OutOfMemoryError(
            f"the device has no memory for a region of {width}x{height}",
            hint="use --quality draft (it changes the pixels), or --device cpu",
        ) from error
