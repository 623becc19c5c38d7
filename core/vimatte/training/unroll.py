"""Run a network over a window of frames as training needs it: every output, gradients kept."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.models.crop_input import at_scale
from vimatte.models.msgvim_lite import REFINE_HALO, MSGVIMLite, to_stride2, unknown_band


def unroll(
    network: MSGVIMLite, plate: Tensor, masks: Tensor, scale: int, state: Tensor | None
) -> tuple[dict[str, Tensor], Tensor]:
    """Run `network` over T frames.

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
    collected: dict[str, list[Tensor]] = {k: [] for k in ("os8", "os4", "os1", "fused", "band")}
    for t in range(plate.shape[1]):
        rgb, mask = plate[:, t], masks[:, t]
        x = at_scale(torch.cat([rgb, mask], dim=1), scale)
        x = x.contiguous(memory_format=torch.channels_last)
        coarse = network.coarse(x, state)
        state = coarse.state
        # The refinement must not pull the coarse logits about: they have their own losses.
        logits = to_stride2(coarse.logits4.detach(), scale)
        halo = F.pad(rgb, (REFINE_HALO,) * 4, mode="reflect")
        refined = torch.sigmoid(network.refine(halo, logits, to_stride2(coarse.detail, scale)))
        os4 = torch.sigmoid(coarse.logits4)
        band = unknown_band(os4.detach())
        band = F.interpolate(band.to(rgb.dtype), scale_factor=4 * scale, mode="nearest") > 0.5
        plain = F.interpolate(os4, scale_factor=4 * scale, mode="bilinear", align_corners=False)
        collected["os8"].append(torch.sigmoid(coarse.logits8))
        collected["os4"].append(os4)
        collected["os1"].append(refined)
        collected["band"].append(band)
        collected["fused"].append(torch.where(band, refined, plain))
    if state is None:
        raise ValueError("a window needs at least one frame")
    return {name: torch.stack(frames, dim=1) for name, frames in collected.items()}, state
