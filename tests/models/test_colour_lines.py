"""The fit of a matte to its plate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vimatte.models.colour_lines import (
    NARROW_HALO,
    WIDE_HALO,
    box_sum,
    fit_narrow,
    fit_wide,
    follow_colour_lines,
    softness,
)

FITS = [(fit_wide, WIDE_HALO), (fit_narrow, NARROW_HALO)]
Fit = Callable[[Tensor, Tensor], Tensor]


def composite(size: int = 96) -> tuple[Tensor, Tensor]:
    """A disc with a soft edge, of one colour over another; returns plate and alpha."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    radius = np.hypot(y - size / 2, x - size / 2)
    alpha = np.clip((size / 3 - radius) / 8 + 0.5, 0, 1)
    front, back = np.array([0.9, 0.3, 0.2]), np.array([0.1, 0.4, 0.6])
    rgb = front * alpha[..., None] + back * (1 - alpha[..., None])
    return (
        torch.from_numpy(rgb.transpose(2, 0, 1).astype(np.float32))[None],
        torch.from_numpy(alpha.astype(np.float32))[None, None],
    )


@pytest.mark.parametrize("side", [1, 2, 5, 7, 9, 16])
def test_box_sums_are_sums(side: int) -> None:
    x = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(side))
    expected = torch.nn.functional.avg_pool2d(x, side, stride=1) * side**2
    torch.testing.assert_close(box_sum(x, side), expected)


@pytest.mark.parametrize(("fit", "halo"), FITS)
def test_a_true_matte_stays(fit: Fit, halo: int) -> None:
    rgb, alpha = composite()
    inside = alpha[:, :, halo:-halo, halo:-halo]
    assert (fit(rgb, alpha) - inside).abs().max() < 0.02


@pytest.mark.parametrize(("fit", "halo"), FITS)
def test_a_noisy_edge_takes_the_form_that_the_plate_has(fit: Fit, halo: int) -> None:
    rgb, alpha = composite()
    noise = torch.randn(alpha.shape, generator=torch.Generator().manual_seed(1))
    soft = (alpha > 0.02) & (alpha < 0.98)
    noisy = torch.where(soft, (alpha + 0.15 * noise).clamp(0.01, 0.99), alpha)
    before = (noisy - alpha)[:, :, halo:-halo, halo:-halo].abs().sum()
    after = (fit(rgb, noisy) - alpha[:, :, halo:-halo, halo:-halo]).abs().sum()
    assert after < 0.5 * before


def test_what_is_solid_or_empty_stays_as_it_is() -> None:
    rgb, alpha = composite()
    everywhere = torch.ones_like(alpha, dtype=torch.bool)
    noisy = torch.rand(rgb.shape, generator=torch.Generator().manual_seed(2))
    fitted = follow_colour_lines(noisy, alpha, everywhere)
    certain = (alpha <= 1 / 255) | (alpha >= 254 / 255)
    assert torch.equal(fitted[certain], alpha[certain])
    assert not torch.equal(fitted, alpha)
    assert torch.equal(follow_colour_lines(noisy, alpha, ~everywhere), alpha)


def test_it_stays_in_range_and_finite_on_flat_and_extreme_plates() -> None:
    _, alpha = composite()
    for plate in (torch.zeros(1, 3, 96, 96), torch.ones(1, 3, 96, 96)):
        fitted = follow_colour_lines(plate, alpha, torch.ones_like(alpha, dtype=torch.bool))
        assert torch.isfinite(fitted).all()
        assert 0 <= fitted.min() <= fitted.max() <= 1


@pytest.mark.parametrize(("fit", "halo"), FITS)
def test_a_tile_gives_the_bits_of_the_whole_picture(fit: Fit, halo: int) -> None:
    rgb, alpha = composite(160)
    rgb = rgb + 0.02 * torch.randn(rgb.shape, generator=torch.Generator().manual_seed(3))
    whole = fit(rgb, alpha)
    top, left, side = 20, 36, 64
    window = (..., slice(top, top + side + 2 * halo), slice(left, left + side + 2 * halo))
    assert torch.equal(
        fit(rgb[window], alpha[window]), whole[..., top : top + side, left : left + side]
    )


def test_training_reaches_the_alpha_through_the_fit() -> None:
    rgb, alpha = composite()
    alpha = alpha.clone().requires_grad_()
    follow_colour_lines(rgb, alpha, torch.ones_like(alpha, dtype=torch.bool)).sum().backward()
    assert alpha.grad is not None
    assert torch.isfinite(alpha.grad).all()
    assert alpha.grad.abs().max() > 0


def line_of_colours(dark: list[float], bright: list[float], noise: float) -> tuple[Tensor, Tensor]:
    """A disc whose colour is one end of a line, before the other end; returns plate and alpha."""
    _, alpha = composite(128)
    ends = [torch.tensor(end).reshape(1, 3, 1, 1) for end in (dark, bright)]
    rgb = ends[0] * alpha + ends[1] * (1 - alpha)
    grain = torch.randn(rgb.shape, generator=torch.Generator().manual_seed(4))
    rgb = (rgb + noise * grain).clamp(0, 1)
    return (rgb * 255).round() / 255, alpha


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(
    ("dark", "bright"),
    [
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0]),
        ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0]),
        ([0.05, 0.04, 0.06], [1.0, 1.0, 1.0]),
        ([0.2, 0.16, 0.1], [0.8, 0.64, 0.4]),
    ],
    ids=["black on white", "white on black", "backlit", "sepia"],
)
def test_grey_plates_are_fitted_as_exactly_as_others(
    dark: list[float], bright: list[float], noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rgb, alpha = line_of_colours(dark, bright, noise)
    rough = (alpha * 6).round() / 6 * 0.9 + 0.05
    everywhere = torch.ones_like(alpha, dtype=torch.bool)
    got = follow_colour_lines(rgb, rough, everywhere)
    monkeypatch.setattr(Tensor, "float", Tensor.double)  # the fits ask for 32 bits by this name
    exact = follow_colour_lines(rgb.double(), rough.double(), everywhere)
    assert exact.dtype == torch.float64
    assert (got - exact).abs().max() < 2e-3


def test_a_pixel_is_changed_little_where_it_is_hardly_soft() -> None:
    """No threshold decides: what differs in its last bits is changed by nearly the same."""
    alpha = torch.linspace(0, 1, 4081)  # steps of 1/4080, 16 of them 1/255
    soft = softness(alpha)
    assert not soft[:17].any()
    assert not soft[-17:].any()
    torch.testing.assert_close(soft[33:-33], torch.ones(4081 - 66))
    assert soft.diff().abs().max() < 1 / 15
