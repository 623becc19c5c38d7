"""A network of random weights and crops for it."""

from __future__ import annotations

import numpy as np
import torch

from vimatte.models.base import Crop
from vimatte.models.msgvim_lite import MSGVIMLite


def lively(seed: int = 0) -> MSGVIMLite:
    """A network whose zero-initialised parts are not zero, so that nothing is trivially equal."""
    torch.manual_seed(seed)
    network = MSGVIMLite()
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.abs().sum() == 0 and "bn" not in name:
                value.normal_(0, 0.05)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1.5)
    return network.eval()


def crop_of(height: int, width: int, scale: int = 1, seed: int = 0) -> Crop:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    target = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 3) ** 2
    rgb = rng.random((height, width, 3), dtype=np.float32) * 0.3 + target[..., None] * 0.6
    return Crop(rgb.astype(np.float32), target, (x < width / 6), scale)
