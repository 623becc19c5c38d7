"""``msgvim``: the mask sequence guided video instance matting network of the paper.

Li, Chen, Shen, Zhang, Shi, "Video Instance Matting" (MSG-VIM), WACV 2024. A ResNet-34 encoder with
shortcuts (Li and Lu, GCA Matting, AAAI 2020), ASPP, a residual decoder with predictions at strides
8, 4 and 1, and temporal feature guidance: a convolutional recurrent network on half of the stride-2
features of the decoder. Target and reference mask go in, target and reference alpha come out. Names
are those of the authors' checkpoint; 29,602,726 parameters.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vimatte.models.spectral_norm import SpectralNorm

STATE_CHANNELS = 16
RGB_MEAN, RGB_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Alphas(NamedTuple):
    """Target and reference alpha in [0, 1], shape (N, 2, H, W) each, and the state after it.

    The state has shape (N, 16, H/2, W/2).
    """

    os8: Tensor
    os4: Tensor
    os1: Tensor
    state: Tensor


def _conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> SpectralNorm:
    return SpectralNorm(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False))


def _double(inputs: int) -> SpectralNorm:
    return SpectralNorm(nn.ConvTranspose2d(inputs, inputs, 4, 2, padding=1, bias=False))


class EncoderBlock(nn.Module):
    """Two convolutions and what goes past them; halves the size where `stride` is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _conv(outputs, outputs), nn.BatchNorm2d(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(2, 2), _conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x))


class Encoder(nn.Module):
    """RGB and two masks in; features at stride 32, and shortcuts at strides 1 to 16, out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = _conv(5, 32, 3, 2), nn.BatchNorm2d(32)
        self.conv2, self.bn2 = _conv(32, 32), nn.BatchNorm2d(32)
        self.conv3, self.bn3 = _conv(32, 64, 3, 2), nn.BatchNorm2d(64)
        self.layer1 = _stage(EncoderBlock, 64, 64, 3, 1)
        self.layer2 = _stage(EncoderBlock, 64, 128, 4, 2)
        self.layer3 = _stage(EncoderBlock, 128, 256, 4, 2)
        self.layer_bottleneck = _stage(EncoderBlock, 256, 512, 2, 2)
        widths = ((5, 32), (32, 32), (64, 64), (128, 128), (256, 256))
        self.shortcut = nn.ModuleList(_shortcut(i, o) for i, o in widths)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Encode (N, 5, H, W), H and W multiples of 32."""
        maps = [x]
        y = F.relu(self.bn1(self.conv1(x)))
        maps.append(F.relu(self.bn2(self.conv2(y))))
        y = F.relu(self.bn3(self.conv3(maps[-1])))
        for layer in (self.layer1, self.layer2, self.layer3):
            y = layer(y)
            maps.append(y)
        kept = [shortcut(one) for shortcut, one in zip(self.shortcut, maps, strict=True)]
        return self.layer_bottleneck(y), kept


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al., DeepLabv3, 2017) over 512 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.aspp1 = nn.Conv2d(512, 256, 1, bias=False)
        self.aspp2 = nn.Conv2d(512, 256, 3, padding=2, dilation=2, bias=False)
        self.aspp3 = nn.Conv2d(512, 256, 3, padding=4, dilation=4, bias=False)
        self.aspp4 = nn.Conv2d(512, 256, 3, padding=8, dilation=8, bias=False)
        self.aspp5 = nn.Conv2d(512, 256, 1, bias=False)
        for index in range(1, 6):
            self.add_module(f"aspp{index}_bn", nn.BatchNorm2d(256))
        self.conv2, self.bn2 = nn.Conv2d(1280, 512, 1, bias=False), nn.BatchNorm2d(512)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 512, h, w) to the same shape."""
        parts = []
        for index in range(1, 6):
            source = x.mean(dim=(2, 3), keepdim=True) if index == 5 else x
            conv, norm = getattr(self, f"aspp{index}"), getattr(self, f"aspp{index}_bn")
            parts.append(F.relu(norm(conv(source))).expand(-1, -1, *x.shape[-2:]))
        return F.relu(self.bn2(self.conv2(torch.cat(parts, dim=1))))


class TemporalNetwork(nn.Module):
    """Temporal feature guidance (section 3.4): ``h_t = tanh(W x_t + U h_{t-1})``."""

    def __init__(self) -> None:
        super().__init__()
        self.ih = nn.Conv2d(STATE_CHANNELS, STATE_CHANNELS, 3, padding=1)
        self.hh = nn.Conv2d(STATE_CHANNELS, STATE_CHANNELS, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Guide the second half of the channels; returns the features and the new state."""
        first, second = x.chunk(2, dim=1)
        h = self.ih(second)
        if state is not None:
            h = h + self.hh(state)
        h = torch.tanh(h)
        return torch.cat([first, h], dim=1), h


class DecoderBlock(nn.Module):
    """Two convolutions and what goes past them; doubles the size where `stride` is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        middle = inputs if stride > 1 else outputs
        self.conv1 = _double(inputs) if stride > 1 else _conv(inputs, outputs)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2, self.bn2 = _conv(middle, outputs), nn.BatchNorm2d(outputs)
        self.upsample: nn.Module = nn.Identity()
        if stride > 1:
            self.upsample = nn.Sequential(
                nn.Upsample(scale_factor=2), _conv(inputs, outputs, 1), nn.BatchNorm2d(outputs)
            )

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the convolutions' result, and what goes past them."""
        y = F.leaky_relu(self.bn1(self.conv1(x)), 0.2)
        return self.bn2(self.conv2(y)), self.upsample(x)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, h, w) to (N, outputs, h * stride, w * stride)."""
        y, past = self.branches(x)
        return F.leaky_relu(y + past, 0.2)


class Decoder(nn.Module):
    """From stride 32 up to stride 1, with a prediction at strides 8, 4 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = _stage(DecoderBlock, 512, 256, 2, 2)
        self.layer2 = _stage(DecoderBlock, 256, 128, 3, 2)
        self.layer3 = _stage(DecoderBlock, 128, 64, 3, 2)
        self.layer4 = _stage(DecoderBlock, 64, 32, 2, 2)
        self.layer4[0].tmp_network = TemporalNetwork()
        self.conv1, self.bn1 = _double(32), nn.BatchNorm2d(32)
        self.refine_OS1, self.refine_OS4, self.refine_OS8 = (_head(c) for c in (32, 64, 128))

    @property
    def temporal(self) -> TemporalNetwork:
        """The recurrent network, where the checkpoint has it."""
        found: TemporalNetwork = self.layer4[0].tmp_network  # type: ignore[assignment]
        return found

    def forward(self, x: Tensor, kept: list[Tensor], state: Tensor | None) -> Alphas:
        """Decode what `Encoder` and `ASPP` gave."""
        y = self.layer1(x) + kept[4]
        y = self.layer2(y) + kept[3]
        os8 = self.refine_OS8(y)
        y = self.layer3(y) + kept[2]
        os4 = self.refine_OS4(y)
        first: DecoderBlock = self.layer4[0]  # type: ignore[assignment]
        y, past = first.branches(y)
        past, state = self.temporal(past, state)
        y = F.leaky_relu(y + past, 0.2)
        for block in list(self.layer4)[1:]:
            y = block(y)
        y = F.leaky_relu(self.bn1(self.conv1(y + kept[1])), 0.2) + kept[0]
        return Alphas(_alpha(os8, 8), _alpha(os4, 4), _alpha(self.refine_OS1(y), 1), state)


class MSGVIM(nn.Module):
    """The whole network; `forward` is one frame."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.aspp = ASPP()
        self.decoder = Decoder()
        for module in self.modules():
            if isinstance(module, SpectralNorm):
                nn.init.xavier_uniform_(module.module.weight_bar)  # type: ignore[arg-type]
            elif isinstance(module, EncoderBlock | DecoderBlock):
                nn.init.zeros_(module.bn2.weight)

    def forward(self, x: Tensor, state: Tensor | None) -> Alphas:
        """Run one frame.

        Parameters
        ----------
        x : Tensor, shape (N, 5, H, W)
            RGB in [0, 1] (sRGB-encoded), target mask, reference mask; H and W multiples of 32.
        state : Tensor, shape (N, 16, H/2, W/2), or None
            What the frame before left; None at the start of a segment.
        """
        mean, std = x.new_tensor(RGB_MEAN), x.new_tensor(RGB_STD)
        rgb = (x[:, :3] - mean[:, None, None]) / std[:, None, None]
        deep, kept = self.encoder(torch.cat([rgb, x[:, 3:]], dim=1))
        alphas: Alphas = self.decoder(self.aspp(deep), kept, state)
        return alphas


def _stage(
    block: type[EncoderBlock] | type[DecoderBlock],
    inputs: int,
    outputs: int,
    count: int,
    stride: int,
) -> nn.Sequential:
    rest = [block(outputs, outputs, 1) for _ in range(count - 1)]
    return nn.Sequential(block(inputs, outputs, stride), *rest)


def _shortcut(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        _conv(inputs, outputs), nn.ReLU(), nn.BatchNorm2d(outputs),
        _conv(outputs, outputs), nn.ReLU(), nn.BatchNorm2d(outputs),
    )  # fmt: skip


def _head(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 2, 3, padding=1),
    )


def _alpha(logits: Tensor, stride: int) -> Tensor:
    if stride > 1:
        logits = F.interpolate(logits, scale_factor=stride, mode="bilinear", align_corners=False)
    return (torch.tanh(logits) + 1) / 2
