"""Run a network over a window of frames as training needs it: every output, gradients kept."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vimatte.models.colour_lines import follow_colour_lines
from vimatte.models.crop_input import at_scale
from vimatte.models.msgvim_lite import (
    REFINE_HALO,
    UNKNOWN_FROM,
    MSGVIMLite,
    to_stride2,
    unknown_band,
)

Alphas = dict[str, Tensor]
# How far the paper's network widens what is unsure at strides 8 and 4, in pixels to each side.
REACH8, REACH4 = 15, 7


def unroll_lite(
    network: nn.Module, plate: Tensor, masks: Tensor, scale: int, state: Tensor | None
) -> tuple[Alphas, Tensor]:
    """Run `MSGVIMLite` over T frames.

    Parameters
    ----------
    network : MSGVIMLite
    plate : Tensor, shape (N, T, 3, P, P), in [0, 1]
    masks : Tensor, shape (N, T, 2, P, P), in {0, 1}
    scale : int
        Plate pixels for one network pixel.
    state : Tensor, shape (N, 34, P/scale/4, P/scale/4), or None

    Returns
    -------
    alphas : dict of str to Tensor
        What `vimatte.training.losses.matting_loss` takes.
    state : Tensor
        The recurrent state after the last frame.
    """
    assert isinstance(network, MSGVIMLite)
    collected: list[Alphas] = []
    for t in range(plate.shape[1]):
        rgb, mask = plate[:, t], masks[:, t]
        coarse = network.coarse(_input(rgb, mask, scale), state)
        state = coarse.state
        # The refinement must not pull the coarse logits about: they have their own losses.
        logits = to_stride2(coarse.logits4.detach(), scale)
        halo = F.pad(rgb, (REFINE_HALO,) * 4, mode="reflect")
        refined = torch.sigmoid(network.refine(halo, logits, to_stride2(coarse.detail, scale)))
        os4 = torch.sigmoid(coarse.logits4)
        band = unknown_band(os4.detach())
        band = F.interpolate(band.to(rgb.dtype), scale_factor=4 * scale, mode="nearest")
        plain = F.interpolate(os4, scale_factor=4 * scale, mode="bilinear", align_corners=False)
        os8, fused = torch.sigmoid(coarse.logits8), plain + band * (refined - plain)
        fused = torch.cat([follow_colour_lines(rgb, fused[:, :1], band), fused[:, 1:]], dim=1)
        collected.append({"os8": os8, "os4": os4, "os1": refined, "fused": fused, "band": band > 0})
    return _stacked(collected), _known(state)


def unroll_msgvim(
    network: nn.Module, plate: Tensor, masks: Tensor, scale: int, state: Tensor | None
) -> tuple[Alphas, Tensor]:
    """Run `MSGVIM` over T frames; see `unroll_lite`. The state has the shape (N, 16, H/2, W/2)."""
    collected: list[Alphas] = []
    for t in range(plate.shape[1]):
        out = network(_input(plate[:, t], masks[:, t], scale), state)
        state = out.state
        unsure8 = _unsure(out.os8.detach(), REACH8)
        two = torch.where(unsure8, out.os4, out.os8)
        unsure4 = _unsure(two.detach(), REACH4)
        fused, band = torch.where(unsure4, out.os1, two), unsure4.any(dim=1, keepdim=True)
        os1 = out.os1
        if scale > 1:
            band = F.interpolate(band.float(), scale_factor=scale, mode="nearest") > 0.5
            os1, fused = (
                F.interpolate(a, scale_factor=scale, mode="bilinear", align_corners=False)
                for a in (os1, fused)
            )
        collected.append({"os8": out.os8, "os4": out.os4, "os1": os1, "fused": fused, "band": band})
    return _stacked(collected), _known(state)


def _input(rgb: Tensor, mask: Tensor, scale: int) -> Tensor:
    x = at_scale(torch.cat([rgb, mask], dim=1), scale)
    return x.contiguous(memory_format=torch.channels_last)


def _unsure(alpha: Tensor, reach: int) -> Tensor:
    """Progressive refinement's region (Yu et al., CVPR 2021, eq. 1), square instead of round."""
    unsure = (torch.minimum(alpha, 1 - alpha) >= UNKNOWN_FROM).to(alpha.dtype)
    unsure = F.max_pool2d(unsure, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    unsure = F.max_pool2d(unsure, (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return unsure > 0.5


def _stacked(frames: list[Alphas]) -> Alphas:
    return {name: torch.stack([f[name] for f in frames], dim=1) for name in frames[0]}


def _known(state: Tensor | None) -> Tensor:
    if state is None:
        raise ValueError("a window needs at least one frame")
    return state
