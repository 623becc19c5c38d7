"""Make a trained network ready to run: norms folded away, 1x1 convolutions as products."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vimatte.models.lite_encoder import ConvNorm

# Where torch was built without it (some processors other than x86), its own product has to do: one
# thread an operation keeps sums whole there as well, see `vimatte.models.side_by_side`.
_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class Pointwise(nn.Module):
    """A 1x1 convolution as a matrix product over the channels, which takes half the time.

    On a CPU it is oneDNN's product and not that of torch's own ``linear``, which goes to MKL: MKL
    has one number of threads for the whole process, which any part of it may change, splits sums
    by it, and chooses its code by the maker of the processor. oneDNN does what the calling thread
    was told, and chooses by the instruction set alone.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(conv.weight.flatten(1).clone(), requires_grad=False)
        self.bias = conv.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        last = x.permute(0, 2, 3, 1)
        if x.device.type == "cpu" and _ONEDNN is not None:
            product: Tensor = _ONEDNN(last.contiguous(), self.weight, self.bias, "none", [], "")
        else:
            product = F.linear(last, self.weight, self.bias)
        return product.permute(0, 3, 1, 2)


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
