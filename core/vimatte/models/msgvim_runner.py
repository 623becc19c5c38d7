"""Run ``msgvim``: folding, one frame of one instance, progressive refinement over its scales."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vimatte.models.base import Crop, CropMatte, StateArray
from vimatte.models.checkpoint import choose_device, load_weights
from vimatte.models.crop_input import at_scale, on_device, with_second_try
from vimatte.models.devices import computing
from vimatte.models.msgvim import ASPP, MSGVIM
from vimatte.models.registry import ModelSpec
from vimatte.models.spectral_norm import fold_spectral_norms

UNKNOWN_LOW, UNKNOWN_HIGH = 1.0 / 255.0, 254.0 / 255.0
# Diameters of the ellipses that widen the unknown region of strides 8 and 4.
WIDEN8, WIDEN4 = 15, 7


def load(row: ModelSpec, device: str = "auto", weights: Path | None = None) -> MSGVIMRunner:
    """Load the network with a checkpoint; see `vimatte.models.registry.load_model`."""
    network = MSGVIM()
    digest = load_weights(network, row, weights)
    return MSGVIMRunner(row.name, network, digest, choose_device(device))


class MSGVIMRunner:
    """``msgvim`` as a `MattingModel`."""

    lookahead = 0
    state_stride = 2
    tile = 0  # the network is dense at every stride

    def __init__(self, name: str, network: MSGVIM, digest: str, device: torch.device) -> None:
        self.name = name
        self.weights_digest = digest
        self._device = device
        network.eval().requires_grad_(False)
        fold_spectral_norms(network)
        _fold_pooling(network)
        # torch's stubs know no memory_format here
        self._network: MSGVIM = network.to(device).to(  # type: ignore[call-overload]
            memory_format=torch.channels_last
        )

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._device.type

    @property
    def processor(self) -> str:
        """``avx512``, ``avx2``, ..., or a GPU's name."""
        return computing(self._device)

    def step(
        self, work: Sequence[tuple[Crop, StateArray | None]]
    ) -> list[tuple[CropMatte, StateArray]]:
        """See `vimatte.models.base.MattingModel.step`."""
        return [self._one(crop, state) for crop, state in work]

    @torch.inference_mode()
    def _one(self, crop: Crop, state: StateArray | None) -> tuple[CropMatte, StateArray]:
        planes = [crop.rgb, np.stack([crop.target, crop.reference], axis=2).astype(np.float32)]
        x = torch.from_numpy(np.concatenate(planes, axis=2)).permute(2, 0, 1)[None]
        x = at_scale(x.to(self._device), crop.scale)
        hidden = None if state is None else torch.from_numpy(state).to(self._device).float()[None]
        with on_device(crop):
            # Dense at every stride: a part of it would give other pixels.
            x = x.contiguous(memory_format=torch.channels_last)
            out = with_second_try(lambda: self._network(x, hidden), self._device)
        alpha = refine_progressively(*(_plane(a) for a in (out.os8, out.os4, out.os1)))
        if crop.scale > 1:
            size = (crop.rgb.shape[1], crop.rgb.shape[0])
            alpha = np.stack([cv2.resize(a, size, interpolation=cv2.INTER_LINEAR) for a in alpha])
        after = out.state[0].half().contiguous().cpu().numpy()
        return CropMatte(alpha[0], alpha[1]), after


def refine_progressively(
    os8: NDArray[np.float32], os4: NDArray[np.float32], os1: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Take each scale where the coarser one is unsure.

    Yu et al., "Mask Guided Matting via Progressive Refinement Network", CVPR 2021, eq. 1, with the
    widths that the authors of MSG-VIM use when they test.

    Parameters
    ----------
    os8, os4, os1 : ndarray of float32, shape (C, H, W), in [0, 1]

    Returns
    -------
    ndarray of float32, shape (C, H, W), in [0, 1]
    """
    alpha = np.where(_unknown(os8, WIDEN8), os4, os8)
    return np.where(_unknown(alpha, WIDEN4), os1, alpha)


def _unknown(alpha: NDArray[np.float32], width: int) -> NDArray[np.bool_]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    unsure = ((alpha >= UNKNOWN_LOW) & (alpha <= UNKNOWN_HIGH)).astype(np.uint8)
    return np.stack([cv2.dilate(plane, kernel) for plane in unsure]).astype(np.bool_)


def _plane(alpha: Tensor) -> NDArray[np.float32]:
    return np.ascontiguousarray(alpha[0].cpu().numpy())


def _fold_pooling(network: MSGVIM) -> None:
    """Fold the batch norms of the plain convolutions: those of ASPP."""
    aspp: ASPP = network.aspp
    for index in range(1, 6):
        name = f"aspp{index}"
        folded = fuse_conv_bn_eval(getattr(aspp, name), getattr(aspp, f"{name}_bn"))
        setattr(aspp, name, folded)
        setattr(aspp, f"{name}_bn", nn.Identity())
    aspp.conv2 = fuse_conv_bn_eval(aspp.conv2, aspp.bn2)
    aspp.bn2 = nn.Identity()  # type: ignore[assignment]
