"""Tiles: found where there is work, cut out with their surroundings, put back where allowed."""

from __future__ import annotations

import pytest
import torch

from vimatte.models.tiles import TILE, gather, padded, put, soft_ones, tiles_of


def test_tiles_are_those_that_hold_a_cell() -> None:
    band = torch.zeros(20, 40)  # cells of 4 pixels: tiles of 16 cells
    band[0, 0] = band[15, 15] = band[16, 39] = 1 / 1024
    assert tiles_of(band, 16) == [(0, 0), (1, 2)]
    assert tiles_of(torch.zeros_like(band), 16) == []


def test_soft_ones_are_those_that_a_fit_changes() -> None:
    alpha = torch.zeros(1, 1, 2 * TILE, TILE + 8)
    alpha[..., TILE:, :] = 1
    alpha[0, 0, TILE, TILE] = 0.5
    everywhere = [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert soft_ones(everywhere, alpha) == [(1, 1)]
    assert soft_ones([(0, 0)], alpha) == []


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("skip", [0, 3])
def test_a_square_holds_its_tile_and_what_is_around_it(
    stride: int, skip: int, layout: torch.memory_format
) -> None:
    height, width, halo = 96 // stride, 160 // stride, 5
    maps = torch.arange(2.0 * height * width).reshape(1, 2, height, width)
    wide = padded(maps.contiguous(memory_format=layout), halo + skip, stride=stride)
    step = TILE // stride
    side = step + 2 * halo
    places = [(0, 0), (1, 2)]
    first, last = gather(wide, places, step, side, skip)
    assert first.shape == (2, side, side)
    assert gather(wide, places, step, side, skip).is_contiguous()
    torch.testing.assert_close(first[:, halo:, halo:], maps[0, :, : step + halo, : step + halo])
    # The halo mirrors the crop's border.
    torch.testing.assert_close(first[:, 0, halo:], maps[0, :, halo, : step + halo])
    inside = last[:, : halo + height - step, : halo + width - 2 * step]
    torch.testing.assert_close(inside, maps[0, :, step - halo :, 2 * step - halo :])


def test_what_is_put_back_changes_only_where_it_may() -> None:
    alpha = torch.zeros(1, 2, 96, 100)
    where = torch.zeros(1, 1, 96, 100)
    where[..., 70:90, 60:100] = 1
    where[..., 80:90, 60:100] = 0.25
    ones = torch.ones(2, 2, TILE, TILE)
    put(alpha, [(0, 0), (1, 1)], ones, where)
    expected = torch.zeros_like(alpha)
    expected[..., 70:80, TILE:100] = 1
    expected[..., 80:90, TILE:100] = 0.25
    torch.testing.assert_close(alpha, expected)
