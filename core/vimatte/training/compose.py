"""Compose training samples on the fly: a sample is a pure function of (seed, step, index)."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.layers import Layer, make_layer, photograph
from vimatte.training.mask_augmentation import MaskAugmentation, augment
from vimatte.training.mask_degradation import degrade_mask, draw_degradation
from vimatte.training.material import Material

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
    """

    size: int
    frames: int
    scale: int = 1
    augmentation: MaskAugmentation = field(default_factory=MaskAugmentation)


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
    """Compose one clip: a background, one to three masked subjects, sometimes an unmasked one."""
    frames, size = settings.frames, settings.size * settings.scale
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.38, 0.12]))
    strangers = int(rng.random() < 0.15)
    zoomed = float(np.exp(rng.uniform(np.log(0.8), np.log(3.0))))
    layers = [make_layer(material, frames, size, zoomed, rng) for _ in range(count + strangers)]
    order = rng.permutation(len(layers))
    linear = rng.random() < 0.5
    plate = photograph(material, frames, size, rng)
    visible: list[Plane] = [np.empty(0, np.float32)] * len(layers)
    plate = _to_linear(plate) if linear else plate
    through = np.ones_like(layers[0].alpha)
    for index in order[::-1]:  # front to back, to know what is hidden
        visible[index] = layers[index].alpha * through
        through = through * (1 - layers[index].alpha)
    plate = plate * through[..., None]
    colours = [_to_linear(layer.colour) if linear else layer.colour for layer in layers]
    for colour, seen in zip(colours, visible, strict=True):
        plate = np.asarray(plate + colour * seen[..., None], np.float32)
    light: Plane = plate
    plate = _to_srgb(plate) if linear else plate
    plate = _camera(plate, rng)
    masks = [_guide(visible[i], layers[i], rng) for i in range(count)]
    masks = augment(masks, settings.augmentation, rng)
    target = int(rng.integers(count))
    truth_target = visible[target]
    if rng.random() < 0.05:  # a mask over nothing: the network must be able to say so
        masks[target] = np.roll(masks[target], (size // 2, size // 3), axis=(1, 2))
        masks[target] &= ~(visible[target] > 0.02)
        truth_target = visible[target] * 0
    rest: Plane = np.asarray(light - colours[target] * visible[target][..., None], np.float32)
    rest /= np.maximum(1 - visible[target], np.float32(1e-3))[..., None]
    behind = _to_srgb(rest) if linear else np.clip(rest, 0, 1)
    contrast = np.abs(layers[target].colour - behind).mean(axis=3)
    others = [i for i in range(count) if i != target]
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


def _guide(alpha: Plane, layer: Layer, rng: np.random.Generator) -> NDArray[np.bool_]:
    inside = np.argwhere(layer.alpha.max(axis=0) > 0.5)
    extent = float(np.ptp(inside, axis=0).max()) if len(inside) else float(alpha.shape[1])
    how = draw_degradation(extent, rng)
    last = max(1, len(alpha) - 1)
    masks = [degrade_mask(frame, how, t / last) for t, frame in enumerate(alpha)]
    if len(alpha) > 2 and rng.random() < 0.05:
        lost = int(rng.integers(1, len(alpha)))
        masks[lost] = np.zeros_like(masks[lost])
    return np.stack(masks)


def _camera(plate: Plane, rng: np.random.Generator) -> Plane:
    """Exposure, blur, grain and compression over the whole clip."""
    plate = np.clip(plate * np.float32(np.exp(rng.normal(0, 0.15))), 0, 1)
    if rng.random() < 0.15:
        sigma = rng.uniform(0.4, 1.2)
        plate = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in plate])
    if rng.random() < 0.6:
        noise = rng.standard_normal(plate.shape, dtype=np.float32)
        if rng.random() < 0.5:
            noise = np.stack([cv2.GaussianBlur(frame, (0, 0), 0.6) * 1.8 for frame in noise])
        plate = plate + noise * np.float32(rng.uniform(0, 0.04))
    plate = np.clip(plate, 0, 1)
    if rng.random() < 0.4:
        quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(40, 95))]
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
