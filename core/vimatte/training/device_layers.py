"""The moving layers of a composite in torch: what `vimatte.training.layers` makes of subjects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vimatte.training.device_material import DeviceMaterial
from vimatte.training.device_resample import (
    area,
    gaussian,
    grid_of,
    linear,
    sample,
    separable,
    spread,
)
from vimatte.training.look import WIDEST_BLUR, Recolouring
from vimatte.training.paint import Cloth, Patchwork, Photograph
from vimatte.training.scene import CutOut, Matrix, Shape, Subject


def make_layers(material: DeviceMaterial, subjects: Sequence[Subject], size: int) -> Tensor:
    """Render subjects over their clip.

    Parameters
    ----------
    material : DeviceMaterial
    subjects : sequence of Subject
        Of any samples, all of the same number of frames.
    size : int
        Side of the square crop in pixels.

    Returns
    -------
    Tensor of float32, shape (N, T, 4, size, size), in [0, 1]
        Straight sRGB-encoded colour, and alpha.
    """
    # Cut-outs differ in size, so each is moved into the crop on its own; then all go together.
    moved = [
        _warp(_recolour(_source(material, subject.source), subject.colours), subject.matrices, size)
        for subject in subjects
    ]
    layers = torch.stack(moved)
    _ripple(layers, subjects)
    _blur(layers, subjects)
    layers[:, :, 3].clamp_(0, 1)
    return layers


def photograph(material: DeviceMaterial, piece: Photograph) -> Tensor:
    """Render a piece of a photograph, shape (T, 3, size, size), in [0, 1]; a still has T = 1."""
    crops = material.crops(piece).permute(0, 3, 1, 2).float()
    if piece.window != piece.size:
        resize = area if piece.window > piece.size else linear
        matrix = resize(piece.window, piece.size, material.device)
        # Bytes stay bytes in OpenCV, so they are rounded here, too.
        crops = separable(crops, matrix, matrix).round()
    out = crops / 255
    if piece.flip:
        out = out.flip(-1)
    if piece.sigma > 0:
        blur = gaussian(piece.size, [piece.sigma], material.device)
        out = separable(out, blur, blur)
    return out


def _source(material: DeviceMaterial, source: CutOut | Shape) -> Tensor:
    """Return a subject as it is in the material, painted if it is, shape (T or 1, 4, H, W)."""
    if isinstance(source, Shape):
        shape = material.shape(source.number).permute(2, 0, 1).float()
        paint = (_patchwork(material, source.paint) * (shape[1:] / 100)).clamp(0, 1)
        return torch.cat([paint, shape[:1] / 255])[None]
    rgba = material.cut_out(source).permute(0, 3, 1, 2).float() / 255
    if source.paint is None:
        return rgba
    # Half of the original's light and shade stays, so that limbs keep their form.
    light = rgba[:, :3].mean(dim=1, keepdim=True)
    light = 1 + 0.5 * (light / (light.mean() + 1e-3) - 1)
    paint = (_patchwork(material, source.paint) * light).clamp(0, 1)
    return torch.cat([paint, rgba[:, 3:]], dim=1)


def _patchwork(material: DeviceMaterial, work: Patchwork) -> Tensor:
    paint = _surface(material, work.ground, work.size)
    for noise, level, patch in work.patches:
        where = spread(noise, material.device) > level
        paint = torch.where(where, _surface(material, patch, work.size), paint)
    return paint


def _surface(material: DeviceMaterial, made: Photograph | Cloth, size: tuple[int, int]) -> Tensor:
    height, width = size
    if isinstance(made, Photograph):
        return photograph(material, made)[0, :, :height, :width]
    light = 1 + 0.5 * spread(made.light, material.device)
    grain = 1 + made.roughness * spread(made.grain, material.device)
    colour = torch.from_numpy(made.colour).to(material.device)[:, None, None]
    return (colour * (light * grain)).clamp(0, 1)


def _recolour(rgba: Tensor, how: Recolouring) -> Tensor:
    mix = how.mix if how.channels is None else how.mix[np.argsort(how.channels)]
    matrix = torch.from_numpy(np.ascontiguousarray(mix)).to(rgba.device)
    rgb = torch.einsum("tchw,cd->tdhw", rgba[:, :3], matrix).clamp(0, 1) ** how.gamma
    grey = rgb.mean(dim=1, keepdim=True)
    rgb = grey + (rgb - grey) * how.saturation
    rgb = (how.black + rgb * (how.white - how.black)).clamp(0, 1)
    return torch.cat([rgb, rgba[:, 3:]], dim=1)


def _warp(source: Tensor, matrices: Sequence[Matrix], size: int) -> Tensor:
    """Return a source moved into the crop, shape (T, 4, size, size)."""
    back = [np.linalg.inv(np.concatenate([m, [[0, 0, 1]]]))[:2] for m in matrices]
    inverse = torch.from_numpy(np.stack(back).astype(np.float32)).to(source.device)
    grid = grid_of(size, source.device)
    x, y = grid[None, ..., :1], grid[None, ..., 1:]
    turned = inverse[:, None, None]
    at = x * turned[..., 0] + y * turned[..., 1] + turned[..., 2]
    return sample(source.expand(len(matrices), -1, -1, -1), at)


def _ripple(layers: Tensor, subjects: Sequence[Subject]) -> None:
    """Displace in place those layers that ripple."""
    chosen = [i for i, subject in enumerate(subjects) if subject.ripple is not None]
    if not chosen:
        return
    frames, size, device = layers.shape[1], layers.shape[-1], layers.device
    ripples = [r for r in (subject.ripple for subject in subjects) if r is not None]
    fields = [
        torch.stack(
            [spread(r.across, device) * r.reach[0], spread(r.down, device) * r.reach[1]], -1
        )
        for r in ripples
    ]
    swing = np.array([[np.sin(r.speed * t) for t in range(frames)] for r in ripples], np.float32)
    turn = torch.from_numpy(swing).to(device)[:, :, None, None, None]
    at = grid_of(size, device) + turn * torch.stack(fields)[:, None]
    index = torch.tensor(chosen, device=device)
    moved = sample(layers[index].flatten(0, 1), at.flatten(0, 1))
    layers[index] = torch.unflatten(moved, 0, (len(chosen), frames))


def _blur(layers: Tensor, subjects: Sequence[Subject]) -> None:
    """Blur in place those layers that are moved or out of focus, with colour premultiplied."""
    blurs = {i: subject.blur for i, subject in enumerate(subjects) if subject.blur is not None}
    if not blurs:
        return
    middle = WIDEST_BLUR // 2
    kernels = np.zeros((len(blurs), 1, WIDEST_BLUR, WIDEST_BLUR), np.float32)
    for kernel, blur in zip(kernels, blurs.values(), strict=True):
        side = len(blur.kernel)
        first = middle - side // 2
        kernel[0, first : first + side, first : first + side] = blur.kernel
    index = torch.tensor(list(blurs), device=layers.device)
    sharp = layers[index]
    colour, alpha = sharp[:, :, :3], sharp[:, :, 3:]
    # A channel a layer: every layer has a kernel of its own.
    mass = torch.cat([colour * alpha, alpha], dim=2).flatten(1, 2).transpose(0, 1)
    wide = F.pad(mass, (middle,) * 4, mode="reflect")
    soft = F.conv2d(wide, torch.from_numpy(kernels).to(layers.device), groups=len(blurs))
    soft = torch.unflatten(soft.transpose(0, 1), 1, (layers.shape[1], 4))
    light, cover = soft[:, :, :3], soft[:, :, 3:]
    colour = torch.where(cover > 1e-3, light / cover.clamp(min=1e-3), colour)
    layers[index] = torch.cat([colour, cover], dim=2)
