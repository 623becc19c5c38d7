"""Make a trained network ready to run: norms folded away, sums that no thread count changes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vimatte.models.lite_encoder import ConvNorm


class Pointwise(nn.Module):
    """A 1x1 convolution as a matrix product over the channels.

    oneDNN splits the sum of a 1x1 convolution over many channels among threads, so that its last
    bits depend on how many there are; its matrix product does not, and is as fast.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(conv.weight.flatten(1).clone(), requires_grad=False)
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        return F.linear(x.permute(0, 2, 3, 1), self.weight, self.bias).permute(0, 3, 1, 2)


def prepare(network: nn.Module) -> None:
    """Fold every batch norm into the convolution before it, and make 1x1 convolutions products.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; changed in place.
    """
    for module in network.modules():
        if isinstance(module, ConvNorm):
            module[0] = fuse_conv_bn_eval(module[0], module[1])  # type: ignore[type-var,arg-type]
            module[1] = nn.Identity()
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Conv2d) and child.kernel_size == (1, 1) and child.groups == 1:
                setattr(module, name, Pointwise(child))
