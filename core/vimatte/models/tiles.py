"""Tiles of a crop: where there is work, the pixels around each, and their way back."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.models.colour_lines import softness

#: Side of a tile, in plate pixels.
TILE = 64
Places = list[tuple[int, int]]  # rows and columns of tiles


def tiles_of(band: Tensor, cells: int) -> Places:
    """Return the tiles that hold a cell of the band.

    Parameters
    ----------
    band : Tensor, shape (rows, columns)
        A cell above 0 belongs to it.
    cells : int
        Side of a tile, in cells of the band.
    """
    some = F.max_pool2d(band[None, None], cells, ceil_mode=True)[0, 0] > 0
    rows, columns = torch.nonzero(some, as_tuple=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def soft_ones(places: Places, alpha: Tensor) -> Places:
    """Return the tiles in which a fit has something to change; the band is wider than that."""
    soft = (F.max_pool2d(softness(alpha), TILE, ceil_mode=True)[0, 0] > 0).tolist()
    return [(row, column) for row, column in places if soft[row][column]]


def padded(maps: Tensor, halo: int, *, mode: str = "reflect", stride: int = 1) -> Tensor:
    """Return maps with a halo, and enough beyond it for the last tiles, which may stick out.

    Parameters
    ----------
    maps : Tensor, shape (1, C, H / stride, W / stride)
    halo : int
        In pixels of the maps; 0 where they have it already.
    mode : str
        Of the halo; what is beyond it decides no pixel of the crop.
    stride : int
        Plate pixels for one pixel of the maps.
    """
    height, width = maps.shape[-2:]
    whole = TILE // stride
    if halo:
        maps = F.pad(maps, (halo,) * 4, mode=mode)
    if height % whole or width % whole:
        maps = F.pad(maps, (0, -width % whole, 0, -height % whole), mode="replicate")
    return maps


def gather(maps: Tensor, places: Places, step: int, side: int, skip: int = 0) -> Tensor:
    """Cut squares out of a map.

    Parameters
    ----------
    maps : Tensor, shape (1, C, H, W)
    places : list of (int, int)
    step, side : int
        From one tile to the next, and the square's side with both halos, in pixels of the maps.
    skip : int
        By how much the map's halo is wider than the square's.

    Returns
    -------
    Tensor, shape (N, C, side, side), contiguous
    """
    squares = []
    for row, column in places:
        top, left = row * step + skip, column * step + skip
        squares.append(maps[:, :, top : top + side, left : left + side])
    # Whatever the map's layout is: a network's last bits hang on it.
    return torch.cat(squares).contiguous()


def put(alpha: Tensor, places: Places, tiles: Tensor, where: Tensor) -> None:
    """Blend tiles into an alpha as far as it may be changed.

    Parameters
    ----------
    alpha : Tensor, shape (1, C, H, W)
        Changed in place.
    places : list of (int, int)
    tiles : Tensor, shape (N, C, 64, 64)
    where : Tensor, shape (1, 1, H, W), in [0, 1]
    """
    for (row, column), tile in zip(places, tiles, strict=True):
        rows = slice(row * TILE, (row + 1) * TILE)
        columns = slice(column * TILE, (column + 1) * TILE)
        part = alpha[:, :, rows, columns]
        high, wide = part.shape[-2:]
        part.lerp_(tile[None, :, :high, :wide], where[:, :, rows, columns])
