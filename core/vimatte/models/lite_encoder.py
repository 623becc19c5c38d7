"""The encoder of ``msgvim-lite``: EfficientNet-Lite0 down to stride 16, with two mask channels.

EfficientNet: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks", ICML 2019; the Lite variant drops squeeze-and-excite and uses ReLU6. The layers are
plain convolutions, so that everything can be folded for inference and no operation looks at the
whole crop: a region that grows must not change pixels that it already held.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

# (expansion, output channels, kernel, stride) of each inverted residual block, first to last.
BLOCKS: tuple[tuple[int, int, int, int], ...] = (
    (1, 16, 3, 1),
    (6, 24, 3, 2),
    (6, 24, 3, 1),
    (6, 40, 5, 2),
    (6, 40, 5, 1),
    (6, 80, 3, 2),
    (6, 80, 3, 1),
    (6, 80, 3, 1),
    (6, 112, 5, 1),
    (6, 112, 5, 1),
    (6, 112, 5, 1),
)
STEM_CHANNELS = 32
# The classifier these weights were trained as saw (255 * rgb - 127) / 128.
RGB_MEAN, RGB_STD = 127.0 / 255.0, 128.0 / 255.0


class Features(NamedTuple):
    """Feature maps by stride; shapes (N, 24, H/4, W/4), (N, 40, H/8, W/8), (N, 112, H/16, W/16)."""

    stride4: Tensor
    stride8: Tensor
    stride16: Tensor


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless it is a projection, ReLU6; "same" size at stride 1."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activate: bool = True,
    ) -> None:
        conv = nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding=dilation * (kernel // 2),
            groups=groups,
            dilation=dilation,
            bias=False,
        )
        layers: list[nn.Module] = [conv, nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)]
        if activate:
            layers.append(nn.ReLU6(inplace=True))
        super().__init__(*layers)


class InvertedResidual(nn.Module):
    """Expand, filter each channel by itself, project; add the input where the shape allows."""

    def __init__(self, inputs: int, expansion: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = ConvNorm(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.filter = ConvNorm(inner, inner, kernel, stride=stride, groups=inner)
        self.project = ConvNorm(inner, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H/stride, W/stride)."""
        y: Tensor = self.project(self.filter(self.expand(x)))
        return x + y if self.residual else y


class LiteEncoder(nn.Module):
    """RGB, target mask and reference mask in; features at strides 4, 8 and 16 out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(5, STEM_CHANNELS, 3, stride=2)
        blocks: list[nn.Module] = []
        channels = STEM_CHANNELS
        for expansion, outputs, kernel, stride in BLOCKS:
            blocks.append(InvertedResidual(channels, expansion, outputs, kernel, stride))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Features:
        """Encode a picture.

        Parameters
        ----------
        x : Tensor, shape (N, 5, H, W)
            RGB in [0, 1] (sRGB-encoded), target mask and reference mask in {0, 1}; H and W are
            multiples of 16.
        """
        rgb = (x[:, :3] - RGB_MEAN) / RGB_STD
        y = self.stem(torch.cat([rgb, x[:, 3:] - 0.5], dim=1))
        maps = []
        for index, block in enumerate(self.blocks):
            y = block(y)
            if index in (2, 4, 10):
                maps.append(y)
        return Features(*maps)


def imagenet_state(checkpoint: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a published EfficientNet-Lite0 checkpoint to the names of `LiteEncoder`.

    Parameters
    ----------
    checkpoint : dict of str to Tensor
        With the names ``_conv_stem``, ``_bn0``, ``_blocks.N._expand_conv``, ...

    Returns
    -------
    dict of str to Tensor
        A whole state of `LiteEncoder`; the stem's weights for the two mask channels are zero, so
        that training starts from what the network knows of pictures.
    """
    state: dict[str, Tensor] = {}

    def take(conv: str, norm: str, name: str) -> None:
        state[f"{name}.0.weight"] = checkpoint[f"{conv}.weight"]
        for field in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            value = checkpoint.get(f"{norm}.{field}")
            state[f"{name}.1.{field}"] = torch.tensor(0) if value is None else value

    take("_conv_stem", "_bn0", "stem")
    stem = state["stem.0.weight"]
    masks = torch.zeros(stem.shape[0], 2, *stem.shape[2:], dtype=stem.dtype)
    state["stem.0.weight"] = torch.cat([stem, masks], dim=1)
    for index, (expansion, *_rest) in enumerate(BLOCKS):
        source, target = f"_blocks.{index}", f"blocks.{index}"
        if expansion > 1:
            take(f"{source}._expand_conv", f"{source}._bn0", f"{target}.expand")
        take(f"{source}._depthwise_conv", f"{source}._bn1", f"{target}.filter")
        take(f"{source}._project_conv", f"{source}._bn2", f"{target}.project")
    return state
