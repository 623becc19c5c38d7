"""Compose training samples on the fly: a sample is a pure function of (seed, step, index)."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.layers import Layer, make_layer, photograph
from vimatte.training.look import COARSE_GAIN, COARSE_GRAIN, Camera, draw_camera
from vimatte.training.mask_augmentation import MaskAugmentation, augment
from vimatte.training.mask_degradation import degrade_mask, draw_guidance
from vimatte.training.material import Material
from vimatte.training.scene import INSTANCES, draw_scene

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class SampleSettings:
    """What a sample looks like.

    Attributes
    ----------
    size : int
        Side of the crop in network pixels, a multiple of 32.
    frames : int
        Length of the clip; 1 trains on stills.
    scale : int
        Plate pixels for one network pixel: the crop is ``size * scale`` plate pixels wide.
    augmentation : MaskAugmentation
    instances : tuple of float
        How often one, two, three ... masked subjects are drawn; together 1.
    twins : float
        How often the second of them looks like the first.
    """

    size: int
    frames: int
    scale: int = 1
    augmentation: MaskAugmentation = field(default_factory=MaskAugmentation)
    instances: tuple[float, ...] = INSTANCES
    twins: float = 0.0


@dataclass(frozen=True)
class Sample:
    """One training sample.

    Attributes
    ----------
    plate : ndarray of float32, shape (T, 3, P, P), in [0, 1], P = size * scale
    masks : ndarray of float32, shape (T, 2, P, P), in {0, 1}
        Target and reference guidance.
    truth : ndarray of float32, shape (T, 2, P, P), in [0, 1]
        Target and reference alpha.
    contrast : ndarray of float32, shape (T, 1, P, P), in [0, 1]
        How far the target's colour is from what lies around and behind it, mean of the channels.
    """

    plate: Plane
    masks: Plane
    truth: Plane
    contrast: Plane


def compose(material: Material, settings: SampleSettings, rng: np.random.Generator) -> Sample:
    """Compose one clip: a background, masked subjects, sometimes an unmasked one."""
    frames, size = settings.frames, settings.size * settings.scale
    scene = draw_scene(material, frames, size, rng, settings.instances, settings.twins)
    layers = [make_layer(material, subject, size) for subject in scene.subjects]
    plate = photograph(material, scene.background)
    visible: list[Plane] = [np.empty(0, np.float32)] * len(layers)
    plate = _to_linear(plate) if scene.linear else plate
    through = np.ones_like(layers[0].alpha)
    for index in scene.order[::-1]:  # front to back, to know what is hidden
        visible[index] = layers[index].alpha * through
        through = through * (1 - layers[index].alpha)
    plate = plate * through[..., None]
    colours = [_to_linear(layer.colour) if scene.linear else layer.colour for layer in layers]
    for colour, seen in zip(colours, visible, strict=True):
        plate = np.asarray(plate + colour * seen[..., None], np.float32)
    light: Plane = plate
    plate = _to_srgb(plate) if scene.linear else plate
    camera = draw_camera(rng, lambda rng: rng.standard_normal(plate.shape, dtype=np.float32))
    plate = _photographed(plate, camera)
    masks = [_guide(visible[i], layers[i], rng) for i in range(scene.masked)]
    masks = augment(masks, settings.augmentation, rng)
    target, nothing = draw_target(scene.masked, rng)
    truth_target = visible[target]
    if nothing:
        masks[target] = np.roll(masks[target], (size // 2, size // 3), axis=(1, 2))
        masks[target] &= ~(visible[target] > 0.02)
        truth_target = visible[target] * 0
    rest: Plane = np.asarray(light - colours[target] * visible[target][..., None], np.float32)
    rest /= np.maximum(1 - visible[target], np.float32(1e-3))[..., None]
    behind = _to_srgb(rest) if scene.linear else np.clip(rest, 0, 1)
    contrast = np.abs(layers[target].colour - behind).mean(axis=3)
    others = [i for i in range(scene.masked) if i != target]
    reference = np.zeros_like(masks[target])
    truth_reference = np.zeros_like(truth_target)
    for i in others:
        reference |= masks[i]
        truth_reference = truth_reference + visible[i]
    return Sample(
        np.ascontiguousarray(plate.transpose(0, 3, 1, 2)),
        np.stack([masks[target], reference], axis=1).astype(np.float32),
        np.stack([truth_target, truth_reference], axis=1),
        contrast[:, None],
    )


def draw_target(masked: int, rng: np.random.Generator) -> tuple[int, bool]:
    """Draw which masked subject is the target, and whether its mask lies over nothing.

    A mask over nothing is rare, but the network must be able to say so.
    """
    return int(rng.integers(masked)), bool(rng.random() < 0.05)


def _guide(alpha: Plane, layer: Layer, rng: np.random.Generator) -> NDArray[np.bool_]:
    inside = np.argwhere(layer.alpha.max(axis=0) > 0.5)
    extent = float(np.ptp(inside, axis=0).max()) if len(inside) else float(alpha.shape[1])
    how, lost = draw_guidance(extent, len(alpha), rng)
    last = max(1, len(alpha) - 1)
    masks = [degrade_mask(frame, how, t / last) for t, frame in enumerate(alpha)]
    if lost is not None:
        masks[lost] = np.zeros_like(masks[lost])
    return np.stack(masks)


def _photographed(plate: Plane, camera: Camera[Plane]) -> Plane:
    """Return the whole clip as a camera delivers it."""
    plate = np.clip(plate * np.float32(camera.exposure), 0, 1)
    if camera.sigma > 0:
        plate = np.stack([cv2.GaussianBlur(frame, (0, 0), camera.sigma) for frame in plate])
    if camera.grain is not None:
        noise = camera.grain
        if camera.coarse:
            noise = np.stack(
                [cv2.GaussianBlur(f, (0, 0), COARSE_GRAIN) * COARSE_GAIN for f in noise]
            )
        plate = plate + noise * np.float32(camera.strength)
    plate = np.clip(plate, 0, 1)
    if camera.quality is not None:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), camera.quality]
        frames = []
        for frame in plate:
            _, data = cv2.imencode(".jpg", np.round(frame * 255).astype(np.uint8), quality)
            frames.append(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.float32) / 255)
        plate = np.stack(frames)
    return np.asarray(plate, np.float32)


def _to_linear(x: Plane) -> Plane:
    return np.clip(x, 0, 1) ** np.float32(2.2)


def _to_srgb(x: Plane) -> Plane:
    return np.clip(x, 0, 1) ** np.float32(1 / 2.2)
