"""The moving layers of a composite: where colour and alpha come from, and how they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.material import Material
from vimatte.training.strands import smooth_noise

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One subject over a clip, before anything occludes it.

    Attributes
    ----------
    colour : ndarray of float32, shape (T, S, S, 3), in [0, 1], sRGB-encoded
    alpha : ndarray of float32, shape (T, S, S), in [0, 1]
    """

    colour: Plane
    alpha: Plane


def make_layer(
    material: Material, frames: int, size: int, zoomed: float, rng: np.random.Generator
) -> Layer:
    """Draw a subject, its motion and its look.

    Parameters
    ----------
    material : Material
    frames, size : int
        Length of the clip and side of the square crop, in pixels.
    zoomed : float
        How many times larger than the crop the subject may be: 1 shows it whole.
    rng : numpy.random.Generator
    """
    pick = rng.random()
    if material.rendered and pick < 0.35:
        source = _person(material, material.rendered, frames, rng, painted=rng.random() < 0.3)
    elif pick < (0.5 if material.rendered else 0.35):
        source = _person(material, material.clips, frames, rng, painted=False)
    elif pick < 0.65:
        source = _person(material, material.clips, frames, rng, painted=True)
    else:
        source = _shape(material, frames, rng)
    source = _recolour(source, rng)
    matrices = _motion(source, frames, size, zoomed, rng)
    colour = np.empty((frames, size, size, 3), np.float32)
    alpha = np.empty((frames, size, size), np.float32)
    warp = _ripple(size, rng) if frames > 1 and rng.random() < 0.3 else None
    for t in range(frames):
        rgba = source[min(t, len(source) - 1)]
        moved = cv2.warpAffine(
            rgba,
            matrices[t],
            (size, size),
            flags=cv2.INTER_AREA if matrices[t][0, 0] < 0.6 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if warp is not None:
            moved = _apply_ripple(np.asarray(moved, np.float32), warp, t)
        colour[t], alpha[t] = moved[:, :, :3], moved[:, :, 3]
    _blur(colour, alpha, rng)
    return Layer(colour, np.clip(alpha, 0, 1))


def photograph(material: Material, frames: int, size: int, rng: np.random.Generator) -> Plane:
    """Return a background that drifts slowly, shape (frames, size, size, 3), in [0, 1].

    One in four is a moving one, where there are any.
    """
    pictures: Sequence[NDArray[np.uint8]]
    if material.videos and rng.random() < 0.25:
        video = material.videos[int(rng.integers(len(material.videos)))]
        pictures = _stretch(video, frames, rng)
    else:
        picture = material.backgrounds[int(rng.integers(len(material.backgrounds)))]
        pictures = [picture] * frames
    height, width = pictures[0].shape[:2]
    window = min(height, width, int(size * np.exp(rng.uniform(np.log(0.7), np.log(4.0)))))
    pan = rng.normal(0, 3.0, 2) * window / size if rng.random() < 0.6 else np.zeros(2)
    top, left = rng.uniform(0, 1, 2) * [height - window, width - window]
    flip = rng.random() < 0.5
    out = np.empty((frames, size, size, 3), np.float32)
    for t in range(frames):
        y = int(np.clip(top + pan[0] * t, 0, height - window))
        x = int(np.clip(left + pan[1] * t, 0, width - window))
        crop = pictures[t][y : y + window, x : x + window]
        mode = cv2.INTER_AREA if window > size else cv2.INTER_LINEAR
        out[t] = cv2.resize(crop, (size, size), interpolation=mode)
        if flip:
            out[t] = out[t, :, ::-1]
    out /= 255
    if rng.random() < 0.4:
        sigma = rng.uniform(0.5, 5)
        for t in range(frames):
            out[t] = cv2.GaussianBlur(out[t], (0, 0), sigma)
    return out


def _stretch(clip: NDArray[np.uint8], frames: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw consecutive or every other frame of a clip."""
    step = int(rng.integers(1, 3))
    start = int(rng.integers(0, max(1, len(clip) - frames * step)))
    # There and back again, where a clip is shorter than what is asked for.
    at = (start + step * np.arange(frames)) % max(1, 2 * len(clip) - 2)
    return clip[np.where(at < len(clip), at, 2 * len(clip) - 2 - at)]


def _person(
    material: Material,
    clips: Sequence[NDArray[np.uint8]],
    frames: int,
    rng: np.random.Generator,
    painted: bool,
) -> Plane:
    picked = _stretch(clips[int(rng.integers(len(clips)))], frames, rng)
    if rng.random() < 0.5:
        picked = picked[::-1]
    alphas = picked[..., 3].max(axis=0)
    rows, columns = np.flatnonzero(alphas.max(1) > 8), np.flatnonzero(alphas.max(0) > 8)
    if len(rows) == 0 or len(columns) == 0:
        return _shape(material, frames, rng)
    top, bottom = max(0, rows[0] - 8), rows[-1] + 9
    left, right = max(0, columns[0] - 8), columns[-1] + 9
    rgba = picked[:, top:bottom, left:right].astype(np.float32) / 255
    if painted:  # a silhouette of a person in other stuff: clothes differ more than bodies do
        height, width = rgba.shape[1:3]
        paint = _patchwork(material, height, width, rng)
        # Half of the original's light and shade stays, so that limbs keep their form.
        light = rgba[..., :3].mean(axis=3, keepdims=True)
        light = 1 + 0.5 * (light / (light.mean() + 1e-3) - 1)
        rgba[..., :3] = np.clip(paint[None] * light, 0, 1)
    return np.asarray(rgba, np.float32)


def _shape(material: Material, frames: int, rng: np.random.Generator) -> Plane:
    shape = material.shapes[int(rng.integers(len(material.shapes)))]
    size = shape.shape[0]
    rgba = np.empty((1, size, size, 4), np.float32)
    rgba[0, :, :, 3] = shape[:, :, 0].astype(np.float32) / 255
    shade = shape[:, :, 1:].astype(np.float32) / 100
    rgba[0, :, :, :3] = np.clip(_patchwork(material, size, size, rng) * shade, 0, 1)
    repeated: Plane = np.repeat(rgba, frames, axis=0)
    return repeated


def _patchwork(material: Material, height: int, width: int, rng: np.random.Generator) -> Plane:
    """Several surfaces with edges between them: an edge inside a subject is not its outline."""
    paint = _cloth(material, height, width, rng)
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.3, 0.3, 0.25, 0.15]))):
        cell = max(height, width) / rng.uniform(1.5, 6)
        level = rng.uniform(-0.3, 0.5)
        where = smooth_noise(height, width, cell, rng)[..., None] > level
        paint = np.where(where, _cloth(material, height, width, rng), paint)
    return paint


def _cloth(material: Material, height: int, width: int, rng: np.random.Generator) -> Plane:
    """A surface: a piece of a photograph, or a plain colour with soft light and fine grain."""
    if rng.random() < 0.5:
        cloth: Plane = photograph(material, 1, max(height, width), rng)[0, :height, :width]
        return cloth
    base = rng.uniform(0, 1, 3).astype(np.float32) ** 1.3
    light = 1 + 0.5 * smooth_noise(height, width, max(height, width) / rng.uniform(1, 6), rng)
    grain = 1 + rng.uniform(0, 0.25) * smooth_noise(height, width, rng.uniform(1.5, 5), rng)
    return np.asarray(np.clip(base * (light * grain)[..., None], 0, 1), np.float32)


def _recolour(rgba: Plane, rng: np.random.Generator) -> Plane:
    rgb = rgba[..., :3]
    if rng.random() < 0.5:
        rgb = rgb[..., rng.permutation(3)]
    mix = np.eye(3) * rng.uniform(0.75, 1.25, (3, 1)) + rng.normal(0, 0.06, (3, 3))
    rgb = np.clip(rgb @ mix.astype(np.float32), 0, 1)
    rgb = rgb ** np.float32(np.exp(rng.normal(0, 0.3)))
    grey = rgb.mean(axis=-1, keepdims=True)
    rgb = grey + (rgb - grey) * np.float32(rng.uniform(0.3, 1.4))
    low, high = rng.uniform(0, 0.12), rng.uniform(0.8, 1.0)
    rgb = np.clip(low + rgb * (high - low), 0, 1)
    return np.concatenate([rgb, rgba[..., 3:]], axis=-1).astype(np.float32)


def _motion(
    source: Plane, frames: int, size: int, zoomed: float, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Draw one affine matrix a frame; never enlarges a real picture above 1.25 times."""
    height, width = source.shape[1:3]
    wanted = size * zoomed * rng.uniform(0.55, 1.0) / max(height, width)
    scale = min(1.25, wanted)
    # Look at a place on the outline: that is where there is something to learn.
    alpha = source[0, :, :, 3]
    edge = np.argwhere((alpha > 0.05) & (alpha < 0.95))
    focus = (
        edge[int(rng.integers(len(edge)))][::-1].astype(np.float64)
        if len(edge) and rng.random() < 0.85
        else np.array([width, height]) * rng.uniform(0.2, 0.8, 2)
    )
    target = size * rng.uniform(0.25, 0.75, 2)
    angle = rng.normal(0, 10)
    speed = rng.normal(0, 3.0, 2) if rng.random() < 0.8 else np.zeros(2)
    sway, phase = rng.uniform(0, 4), rng.uniform(0, 6.28)
    spin, growth = rng.normal(0, 0.8), rng.normal(0, 0.006)
    mirror = rng.random() < 0.5
    matrices = []
    for t in range(frames):
        theta = np.deg2rad(angle + spin * t)
        factor = scale * (1 + growth * t)
        cos, sin = factor * np.cos(theta), factor * np.sin(theta)
        rotation = np.array([[cos, -sin], [sin, cos]])
        if mirror:
            rotation = rotation @ np.diag([-1.0, 1.0])
        offset = target + speed * t + sway * np.sin(phase + 0.7 * t) - rotation @ focus
        matrices.append(np.concatenate([rotation, offset[:, None]], axis=1))
    return matrices


def _ripple(size: int, rng: np.random.Generator) -> tuple[Plane, Plane, float]:
    """Draw a soft displacement that swings over time: cloth and hair do not move rigidly."""
    cell = size / rng.uniform(2, 6)
    return (
        smooth_noise(size, size, cell, rng) * np.float32(rng.uniform(1, 5)),
        smooth_noise(size, size, cell, rng) * np.float32(rng.uniform(1, 5)),
        float(rng.uniform(0.3, 0.9)),
    )


def _apply_ripple(rgba: Plane, ripple: tuple[Plane, Plane, float], t: int) -> Plane:
    across, down, speed = ripple
    size = rgba.shape[0]
    swing = np.float32(np.sin(speed * t))
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    moved = cv2.remap(
        rgba,
        x + swing * across,
        y + swing * down,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _blur(colour: Plane, alpha: Plane, rng: np.random.Generator) -> None:
    """Blur the layer in place by its own motion or the lens, with its colour premultiplied."""
    pick = rng.random()
    if pick > 0.35:
        return
    if pick < 0.2:
        length, angle = int(rng.integers(3, 14)), rng.uniform(0, np.pi)
        kernel = np.zeros((length, length), np.float32)
        middle = (length - 1) / 2
        delta = np.array([np.cos(angle), np.sin(angle)]) * middle
        ends = [tuple(round(v) for v in (middle - delta, middle + delta)[i]) for i in (0, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1)
        kernel /= kernel.sum()
    else:
        radius = int(rng.integers(1, 4))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2).astype(
            np.float32
        )
        kernel /= kernel.sum()
    for t in range(len(alpha)):
        soft = cv2.filter2D(alpha[t], -1, kernel)
        premultiplied = cv2.filter2D(colour[t] * alpha[t][..., None], -1, kernel)
        solid = soft > 1e-3
        colour[t][solid] = premultiplied[solid] / soft[solid][:, None]
        alpha[t] = soft
