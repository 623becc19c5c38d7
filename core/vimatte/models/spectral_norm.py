"""Convolutions whose largest singular value is 1, with the names that matting checkpoints use."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TINY = 1e-12


class SpectralNorm(nn.Module):
    """A convolution divided by an estimate of its largest singular value.

    Miyato et al., "Spectral Normalization for Generative Adversarial Networks", ICLR 2018,
    algorithm 1: one power iteration a training step. In evaluation the stored vectors are used as
    they are, so a folded network equals the unfolded one.

    Parameters
    ----------
    module : nn.Conv2d or nn.ConvTranspose2d
        Its weight becomes ``weight_bar``, with ``weight_u`` and ``weight_v`` beside it.
    """

    def __init__(self, module: nn.Conv2d | nn.ConvTranspose2d) -> None:
        super().__init__()
        self.module = module
        weight = module.weight
        del module._parameters["weight"]
        flat = weight.detach().flatten(1)
        module.register_parameter("weight_bar", nn.Parameter(weight.detach()))
        for name, size in (("weight_u", flat.shape[0]), ("weight_v", flat.shape[1])):
            vector = F.normalize(torch.randn(size), dim=0, eps=_TINY)
            module.register_parameter(name, nn.Parameter(vector, requires_grad=False))

    def weight(self) -> Tensor:
        """Return the weight that is applied."""
        bar: Tensor = self.module.weight_bar  # type: ignore[assignment]
        u: Tensor = self.module.weight_u  # type: ignore[assignment]
        v: Tensor = self.module.weight_v  # type: ignore[assignment]
        flat = bar.flatten(1)
        if self.training:
            with torch.no_grad():
                v.copy_(F.normalize(flat.t() @ u, dim=0, eps=_TINY))
                u.copy_(F.normalize(flat @ v, dim=0, eps=_TINY))
            # The iteration of the next frame writes into them before this one's gradient is taken.
            u, v = u.clone(), v.clone()
        return bar / torch.dot(u, flat @ v)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the convolution."""
        conv = self.module
        if isinstance(conv, nn.ConvTranspose2d):
            padding: tuple[int, ...] = conv.padding  # type: ignore[assignment]
            return F.conv_transpose2d(x, self.weight(), conv.bias, conv.stride, padding)
        return F.conv2d(x, self.weight(), conv.bias, conv.stride, conv.padding)

    def folded(self) -> nn.Conv2d | nn.ConvTranspose2d:
        """Return a plain convolution with the weight that evaluation applies."""
        conv: nn.Conv2d | nn.ConvTranspose2d = self.module
        applied = self.eval().weight().detach()
        for name in ("weight_bar", "weight_u", "weight_v"):
            del conv._parameters[name]
        conv.weight = nn.Parameter(applied, requires_grad=False)
        return conv


def fold_spectral_norms(network: nn.Module) -> None:
    """Replace every `SpectralNorm` below a network by a plain convolution, in place."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, SpectralNorm):
                setattr(module, name, child.folded())
