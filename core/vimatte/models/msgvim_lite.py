"""``msgvim-lite``: a light mask sequence guided video instance matting network.

After Li, Chen, Shen, Zhang, Shi, "Video Instance Matting" (MSG-VIM), WACV 2024: target and
reference mask in, target and reference alpha out at strides 8, 4 and 1, progressive refinement,
temporal feature guidance. Light means: an EfficientNet-Lite0 encoder, the recurrent state at
stride 4 instead of 2, and a stateless full-resolution branch that is entered by pixel-unshuffle
and left by pixel-shuffle, so that it can run on tiles of the unknown band alone.

Nothing here looks at the whole crop (no global pooling, no attention): what a pixel gets depends
on its surroundings only, so a region may grow without changing what it already held.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vimatte.models.lite_encoder import ConvNorm, LiteEncoder

# The recurrent state: features, and what the two masks were lately.
FEATURE_CHANNELS, MEMORY_CHANNELS = 32, 2
STATE_CHANNELS = FEATURE_CHANNELS + MEMORY_CHANNELS
# How much of the masks' memory a frame keeps: half of it is three frames old or older.
MEMORY_KEEP = 0.75
DETAIL_CHANNELS = 16
REFINE_CHANNELS = 48
# Four valid 3x3 convolutions at stride 2: what the refinement sees beyond a tile, in plate pixels.
REFINE_HALO = 8
# A mask is certain up to this alpha; the network's residual can still overturn it.
MASK_CONFIDENCE = 0.98
# An alpha is unknown if it is farther than this from 0 and from 1.
UNKNOWN_FROM = 1.0 / 255.0


class Coarse(NamedTuple):
    """What the dense part gives for one frame.

    Attributes
    ----------
    logits8, logits4 : Tensor, shapes (N, 2, H/8, W/8) and (N, 2, H/4, W/4)
        Target and reference alpha before the sigmoid.
    detail : Tensor, shape (N, 16, H/4, W/4)
        What the refinement is told about its surroundings.
    state : Tensor, shape (N, 34, H/4, W/4)
        The recurrent state after this frame: 32 features, and the running means of both masks
        (without temporal mask guidance 32 channels).
    """

    logits8: Tensor
    logits4: Tensor
    detail: Tensor
    state: Tensor


class TemporalGuidance(nn.Module):
    """A convolutional GRU on half of the stride-4 features (Ballas et al., ICLR 2016, eq. 7-10).

    The paper runs a plain ConvRNN; gates let the state keep an edge for longer. Its output enters
    through a projection that starts at zero: a network trained on images is left as it was.
    """

    def __init__(self, features: int, state: int) -> None:
        super().__init__()
        self.channels = state
        self.gates = nn.Conv2d(2 * state, 2 * state, 3, padding=1)
        self.candidate = nn.Conv2d(2 * state, state, 3, padding=1)
        self.project = nn.Conv2d(state, features, 1)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the guided features and the new state, of the same sizes."""
        x = features[:, -self.channels :]
        h = torch.zeros_like(x) if state is None else state
        reset, update = torch.sigmoid(self.gates(torch.cat([x, h], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * h], dim=1)))
        h = (1 - update) * h + update * candidate
        return features + self.project(h), h


class Context(nn.Module):
    """Surroundings at stride 16: dilated convolutions and a mean over a fixed window."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enter = ConvNorm(inputs, outputs, 1)
        self.branches = nn.ModuleList(
            ConvNorm(outputs, outputs // 2, 3, dilation=rate) for rate in (1, 2, 4)
        )
        self.pooled = ConvNorm(outputs, outputs // 2, 1)
        self.leave = ConvNorm(2 * outputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, h, w) to (N, outputs, h, w)."""
        x = self.enter(x)
        window = F.avg_pool2d(x, 9, stride=1, padding=4, count_include_pad=False)
        parts = [branch(x) for branch in self.branches] + [self.pooled(window)]
        y: Tensor = self.leave(torch.cat(parts, dim=1))
        return y


class Refinement(nn.Module):
    """The stateless branch at strides 2 and 1: raw RGB and the coarse result in, a residual out."""

    def __init__(self) -> None:
        super().__init__()
        inputs = 12 + 2 + DETAIL_CHANNELS
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, REFINE_CHANNELS, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(REFINE_CHANNELS, REFINE_CHANNELS, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(REFINE_CHANNELS, REFINE_CHANNELS, 3),
            nn.ReLU(inplace=True),
            nn.Conv2d(REFINE_CHANNELS, 8, 3),
        )
        nn.init.zeros_(self.layers[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.layers[-1].bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 30, h/2 + 8, w/2 + 8) to a residual of the logits, (N, 2, h, w).

        The convolutions are valid ones: the caller gives the halo, real pixels wherever there are
        any, so that a tile and the whole picture give the same result.
        """
        return F.pixel_shuffle(self.layers(x), 2)


class MSGVIMLite(nn.Module):
    """The network: `coarse` for every frame in order, `refine` for its unknown band.

    Parameters
    ----------
    temporal_features : bool
        Temporal feature guidance: the recurrent state at stride 4. Off for ablations only.
    temporal_masks : bool
        Temporal mask guidance: beside its mask, a frame sees the running mean of the masks before
        it. Where the two differ, the mask flickers, and the picture has to decide. Off where the
        weights were trained without it.
    """

    # Weights that were trained without temporal mask guidance lack these; zero is what they mean.
    zero_when_absent = ("mask_memory.weight", "mask_memory.bias")

    def __init__(self, *, temporal_features: bool = True, temporal_masks: bool = True) -> None:
        super().__init__()
        self.temporal_features, self.temporal_masks = temporal_features, temporal_masks
        self.encoder = LiteEncoder()
        self.context = Context(112, 128)
        self.decode8 = nn.Sequential(ConvNorm(128 + 40 + 2, 96, 3), ConvNorm(96, 96, 3))
        self.head8 = nn.Conv2d(96, 2, 3, padding=1)
        self.decode4 = nn.Sequential(ConvNorm(96 + 24 + 4, 64, 3), ConvNorm(64, 64, 3))
        self.mask_memory = nn.Conv2d(2 + MEMORY_CHANNELS, 64, 3, padding=1)
        nn.init.zeros_(self.mask_memory.weight)
        nn.init.zeros_(self.mask_memory.bias)  # type: ignore[arg-type]
        self.temporal = TemporalGuidance(64, FEATURE_CHANNELS)
        self.head4 = nn.Sequential(ConvNorm(64, 32, 3), nn.Conv2d(32, 2, 3, padding=1))
        self.detail = nn.Conv2d(64, DETAIL_CHANNELS, 1)
        self.refinement = Refinement()
        for head in (self.head8, self.head4[-1]):
            nn.init.zeros_(head.weight)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]

    def coarse(self, x: Tensor, state: Tensor | None) -> Coarse:
        """Run the dense part on one frame of N crops.

        Parameters
        ----------
        x : Tensor, shape (N, 5, H, W)
            RGB in [0, 1], target mask, reference mask; H and W multiples of 32.
        state : Tensor, shape (N, 34, H/4, W/4), or None
            What the frame before left; None at the start of a segment.
        """
        before, memory = state, None
        if state is not None and self.temporal_masks:
            before, memory = state[:, :FEATURE_CHANNELS], state[:, FEATURE_CHANNELS:]
        features = self.encoder(x)
        masks4 = F.avg_pool2d(x[:, 3:], 4)
        masks8 = F.avg_pool2d(masks4, 2)
        y = _double(self.context(features.stride16))
        y = self.decode8(torch.cat([y, features.stride8, masks8], dim=1))
        logits8 = _mask_logits(masks8) + self.head8(y)
        up8 = _double(logits8)
        hint = torch.sigmoid(up8)
        y = self.decode4(torch.cat([_double(y), features.stride4, masks4, hint], dim=1))
        memory = masks4 if memory is None else memory
        if self.temporal_masks:
            y = y + self.mask_memory(torch.cat([masks4, memory], dim=1))
        if self.temporal_features:
            y, after = self.temporal(y, before)
        else:
            after = y.new_zeros(y.shape[0], FEATURE_CHANNELS, *y.shape[2:])
        if self.temporal_masks:
            memory = MEMORY_KEEP * memory + (1 - MEMORY_KEEP) * masks4
            after = torch.cat([after, memory], dim=1)
        logits4 = up8 + self.head4(y)
        return Coarse(logits8, logits4, self.detail(y), after)

    def refine(self, rgb: Tensor, logits: Tensor, detail: Tensor) -> Tensor:
        """Return refined logits at plate resolution.

        Parameters
        ----------
        rgb : Tensor, shape (N, 3, h + 16, w + 16)
            The plate with a halo of `REFINE_HALO` pixels on each side, h and w even.
        logits, detail : Tensor, shapes (N, 2, h/2 + 8, w/2 + 8) and (N, 16, h/2 + 8, w/2 + 8)
            `Coarse.logits4` and `Coarse.detail`, brought to stride 2 of the plate by
            `to_stride2`, with the same halo.

        Returns
        -------
        Tensor, shape (N, 2, h, w)
        """
        x = torch.cat([F.pixel_unshuffle(rgb - 0.5, 2), torch.tanh(logits / 4), detail], dim=1)
        residual: Tensor = self.refinement(x)
        edge = REFINE_HALO // 2
        base = _double(logits[:, :, edge - 1 : -edge + 1 or None, edge - 1 : -edge + 1 or None])
        return base[:, :, 2:-2, 2:-2] + residual


def to_stride2(maps: Tensor, scale: int, halo: int = REFINE_HALO) -> Tensor:
    """Bring maps at stride 4 of the network to stride 2 of the plate, with a replicated halo.

    Parameters
    ----------
    maps : Tensor, shape (N, C, H/4, W/4)
    scale : int
        Plate pixels for one pixel of the network: 1, 2 or 4.
    halo : int
        In plate pixels, even.

    Returns
    -------
    Tensor, shape (N, C, H * scale / 2 + halo, W * scale / 2 + halo)
    """
    maps = F.interpolate(maps, scale_factor=2 * scale, mode="bilinear", align_corners=False)
    return F.pad(maps, (halo // 2,) * 4, mode="replicate")


def unknown_band(alpha4: Tensor, reach: int = 3) -> Tensor:
    """Return how far a finer alpha replaces the coarse one: where that is uncertain, and nearby.

    Progressive refinement (Yu et al., "Mask Guided Matting via Progressive Refinement Network",
    CVPR 2021, eq. 1): the finer prediction replaces the coarser one only where that is between 0
    and 1. The window of 2 * 3 + 1 cells of stride 4 is the paper's dilation by about 30 pixels.
    The paper's region has a sharp border; here the finer prediction fades in, over alphas of 1/255
    to 2/255 (and as far below 1), so that the last bits of an alpha decide nothing by themselves.

    Parameters
    ----------
    alpha4 : Tensor, shape (N, C, H/4, W/4)
    reach : int
        In cells of stride 4.

    Returns
    -------
    Tensor, shape (N, 1, H/4, W/4), in [0, 1]
        Above 0 where any of the channels is uncertain nearby.
    """
    distance = torch.minimum(alpha4, 1 - alpha4).amax(dim=1, keepdim=True)
    band = (distance / UNKNOWN_FROM - 1).clamp(0, 1)
    # Rows, then columns: a large square window costs as much as its area.
    band = F.max_pool2d(band, (1, 2 * reach + 1), stride=1, padding=(0, reach))
    return F.max_pool2d(band, (2 * reach + 1, 1), stride=1, padding=(reach, 0))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _mask_logits(masks: Tensor) -> Tensor:
    blurred = F.avg_pool2d(masks, 3, stride=1, padding=1, count_include_pad=False)
    return torch.logit(blurred.clamp(1 - MASK_CONFIDENCE, MASK_CONFIDENCE))
