"""Compose whole batches of training samples on a device, for networks that train on one.

The scenes are the ones that `vimatte.training.compose` makes of the same keys; numpy draws them on
the host. Pixels are computed on the device, and grain and salt and pepper come from generators
there. A sample is a pure function of its key and of the kind of device: a CPU and a GPU round
differently and draw other grain.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vimatte.training import device_masks
from vimatte.training.compose import SampleSettings, draw_target
from vimatte.training.device_camera import photographed
from vimatte.training.device_layers import make_layers, photograph
from vimatte.training.device_masks import draw_seed
from vimatte.training.device_material import DeviceMaterial
from vimatte.training.look import draw_camera
from vimatte.training.mask_degradation import draw_guidance
from vimatte.training.material import Material
from vimatte.training.scene import Scene, draw_scene


class DeviceComposer:
    """Compose batches on a device.

    Parameters
    ----------
    material : Material
    device : torch.device
    budget : int
        Bytes of the device's memory that material may stay in; see `DeviceMaterial`.
    """

    def __init__(self, material: Material, device: torch.device, budget: int) -> None:
        self.material = DeviceMaterial(material, device, budget)
        self.device = device

    @torch.no_grad()
    def compose(self, settings: SampleSettings, keys: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Compose one sample for each key.

        Parameters
        ----------
        settings : SampleSettings
        keys : sequence of sequence of int
            Seeds: of the run, the stage, the step and the sample's index.

        Returns
        -------
        dict of str to Tensor
            On the device: ``plate`` uint8 (N, T, 3, P, P); ``masks`` uint8 (N, T, 2, P, P);
            ``truth`` float16 (N, T, 2, P, P); ``contrast`` float16 (N, T, 1, P, P);
            see `vimatte.training.compose.Sample`.
        """
        # TF32 would round colour and alpha to 10 bits.
        exact = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False
        try:
            with torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            ):
                return self._compose(settings, [np.random.default_rng(list(key)) for key in keys])
        finally:
            torch.backends.cuda.matmul.allow_tf32 = exact

    def _compose(
        self, settings: SampleSettings, rngs: list[np.random.Generator]
    ) -> dict[str, Tensor]:
        frames, size = settings.frames, settings.size * settings.scale
        scenes = [
            draw_scene(
                self.material.material, frames, size, rng, settings.instances, settings.twins
            )
            for rng in rngs
        ]
        mixed = Composite(self.material, scenes, size)
        cameras = [draw_camera(rng, draw_seed) for rng in rngs]
        masks = self._guide(mixed, rngs)
        device_masks.augment_all(masks, settings.augmentation, rngs)
        plates = photographed(mixed.plate(), cameras)
        out: dict[str, list[Tensor]] = {"masks": [], "truth": [], "contrast": []}
        for index, (own, rng) in enumerate(zip(masks, rngs, strict=True)):
            target, nothing = draw_target(len(own), rng)
            seen = mixed.visible[mixed.layers_of(index)][: len(own)]
            truth = seen[target]
            if nothing:
                own[target] = own[target].roll((size // 2, size // 3), dims=(1, 2))
                own[target] &= ~(truth > 0.02)
                truth = torch.zeros_like(truth)
            others = [i for i in range(len(own)) if i != target]
            reference, rest = own[others].any(dim=0), seen[others].sum(dim=0)
            out["masks"].append(torch.stack([own[target], reference], dim=1))
            out["truth"].append(torch.stack([truth, rest], dim=1))
            out["contrast"].append(mixed.contrast(index, target)[:, None])
        stacked = {name: torch.stack(values) for name, values in out.items()}
        return {
            "plate": (plates * 255).round().to(torch.uint8),
            "masks": stacked["masks"].to(torch.uint8),
            "truth": stacked["truth"].to(torch.float16),
            "contrast": stacked["contrast"].to(torch.float16),
        }

    def _guide(self, mixed: Composite, rngs: list[np.random.Generator]) -> list[Tensor]:
        """Return the degraded masks of every sample's masked subjects, shape (M, T, S, S)."""
        frames, size = mixed.alpha.shape[1], mixed.alpha.shape[-1]
        counts = [scene.masked for scene in mixed.scenes]
        # How wide every subject is, whatever hides it: the first of two trips to the host.
        found = device_masks.boxes((mixed.alpha.amax(dim=1) > 0.5)[:, None])
        drawn = []
        for index, rng in enumerate(rngs):
            for (box,) in found[mixed.layers_of(index)][: counts[index]]:
                extent = float(max(box[2:]) - 1 if box else size)
                drawn.append(draw_guidance(extent, frames, rng))
        chosen = [
            mixed.starts[index] + i for index, count in enumerate(counts) for i in range(count)
        ]
        masks = device_masks.degrade(mixed.visible[chosen], [how for how, _ in drawn])
        for mask, (_, lost) in zip(masks, drawn, strict=True):
            if lost is not None:
                mask[lost] = False
        return list(torch.split(masks, counts))


class Composite:
    """Layers over backgrounds, of many samples at once.

    Parameters
    ----------
    material : DeviceMaterial
    scenes : sequence of Scene
    size : int
        Side of the square crop in pixels.

    Attributes
    ----------
    starts : list of int
        Where each sample's layers begin, and the end of the last.
    colour : Tensor of float32, shape (L, T, 3, S, S), in [0, 1], sRGB-encoded
        Of all samples' layers, in the order of their subjects.
    alpha, visible : Tensor of float32, shape (L, T, S, S), in [0, 1]
        Before and after layers in front hide them.
    light : Tensor of float32, shape (N, T, 3, S, S)
        Everything together; linear where the scene is.
    """

    def __init__(self, material: DeviceMaterial, scenes: Sequence[Scene], size: int) -> None:
        self.scenes = scenes
        counts = [len(scene.subjects) for scene in scenes]
        self.starts = [0, *np.cumsum(counts).tolist()]
        subjects = [subject for scene in scenes for subject in scene.subjects]
        layers = make_layers(material, subjects, size)
        self.colour, self.alpha = layers[:, :, :3], layers[:, :, 3]
        self.visible = torch.empty_like(self.alpha)
        self._linear = [scene.linear for scene in scenes]
        frames = layers.shape[1]
        light = []
        for index, scene in enumerate(scenes):
            mine = self.layers_of(index)
            through = torch.ones_like(self.alpha[0])
            for i in scene.order[::-1]:  # front to back, to know what is hidden
                alpha = self.alpha[mine][i]
                self.visible[mine][i] = alpha * through
                through = through * (1 - alpha)
            behind = photograph(material, scene.background).expand(frames, -1, -1, -1)
            behind = to_linear(behind) if scene.linear else behind
            seen = self.visible[mine][:, :, None]
            light.append(behind * through[:, None] + (self._light_of(index) * seen).sum(dim=0))
        self.light = torch.stack(light)

    def layers_of(self, index: int) -> slice:
        """Return where the layers of a sample are."""
        return slice(self.starts[index], self.starts[index + 1])

    def plate(self) -> Tensor:
        """Return the plates, sRGB-encoded, shape (N, T, 3, S, S)."""
        pairs = zip(self.light, self._linear, strict=True)
        return torch.stack([to_srgb(light) if linear else light for light, linear in pairs])

    def contrast(self, index: int, target: int) -> Tensor:
        """Return how far a subject's colour is from what lies around and behind it, (T, S, S)."""
        seen = self.visible[self.layers_of(index)][target][:, None]
        own = self._light_of(index)[target]
        rest = (self.light[index] - own * seen) / (1 - seen).clamp(min=1e-3)
        behind = to_srgb(rest) if self._linear[index] else rest.clamp(0, 1)
        return (self.colour[self.layers_of(index)][target] - behind).abs().mean(dim=1)

    def _light_of(self, index: int) -> Tensor:
        colour = self.colour[self.layers_of(index)]
        return to_linear(colour) if self._linear[index] else colour


def to_linear(x: Tensor) -> Tensor:
    """Return light as a sum of it needs it, from sRGB-encoded values (a plain power)."""
    return x.clamp(0, 1) ** 2.2


def to_srgb(x: Tensor) -> Tensor:
    """Return the inverse of `to_linear`."""
    return x.clamp(0, 1) ** (1 / 2.2)
