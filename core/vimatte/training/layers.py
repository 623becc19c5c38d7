"""The moving layers of a composite in numpy and OpenCV, and what lies behind them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.training.look import Blur, Recolouring, Ripple
from vimatte.training.material import Material
from vimatte.training.paint import Cloth, Patchwork, Photograph
from vimatte.training.scene import CutOut, Shape, Subject
from vimatte.training.strands import spread

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


def make_layer(material: Material, subject: Subject, size: int) -> Layer:
    """Render a subject over its clip.

    Parameters
    ----------
    material : Material
    subject : Subject
    size : int
        Side of the square crop in pixels.
    """
    source = _source(material, subject.source)
    source = _recolour(source, subject.colours)
    frames = len(subject.matrices)
    colour = np.empty((frames, size, size, 3), np.float32)
    alpha = np.empty((frames, size, size), np.float32)
    ripple = subject.ripple
    fields = (spread(ripple.across), spread(ripple.down)) if ripple is not None else None
    for t, matrix in enumerate(subject.matrices):
        rgba = source[min(t, len(source) - 1)]
        moved = cv2.warpAffine(
            rgba,
            matrix,
            (size, size),
            # OpenCV takes INTER_AREA for INTER_LINEAR here.
            flags=cv2.INTER_AREA if matrix[0, 0] < 0.6 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if ripple is not None and fields is not None:
            moved = _apply_ripple(np.asarray(moved, np.float32), ripple, fields, t)
        colour[t], alpha[t] = moved[:, :, :3], moved[:, :, 3]
    if subject.blur is not None:
        _blur(colour, alpha, subject.blur)
    return Layer(colour, np.clip(alpha, 0, 1))


def photograph(material: Material, piece: Photograph) -> Plane:
    """Render a piece of a photograph, shape (T, size, size, 3), in [0, 1]."""
    size, window = piece.size, piece.window
    out = np.empty((len(piece.corners), size, size, 3), np.float32)
    for t, (y, x) in enumerate(piece.corners):
        if piece.frames is None:
            picture = material.backgrounds[piece.number]
        else:
            picture = material.videos[piece.number][piece.frames[t]]
        crop = picture[y : y + window, x : x + window]
        mode = cv2.INTER_AREA if window > size else cv2.INTER_LINEAR
        out[t] = cv2.resize(crop, (size, size), interpolation=mode)
        if piece.flip:
            out[t] = out[t, :, ::-1]
    out /= 255
    if piece.sigma > 0:
        for t in range(len(out)):
            out[t] = cv2.GaussianBlur(out[t], (0, 0), piece.sigma)
    return out


def _source(material: Material, source: CutOut | Shape) -> Plane:
    if isinstance(source, Shape):
        return _shape(material, source)
    clip = material.rendered if source.kind == "rendered" else material.clips
    top, bottom, left, right = source.box
    picked = clip[source.number][list(source.frames), top:bottom, left:right]
    rgba = picked.astype(np.float32) / 255
    if source.paint is not None:
        paint = _patchwork(material, source.paint)
        # Half of the original's light and shade stays, so that limbs keep their form.
        light = rgba[..., :3].mean(axis=3, keepdims=True)
        light = 1 + 0.5 * (light / (light.mean() + 1e-3) - 1)
        rgba[..., :3] = np.clip(paint[None] * light, 0, 1)
    return np.asarray(rgba, np.float32)


def _shape(material: Material, source: Shape) -> Plane:
    shape = material.shapes[source.number]
    size = shape.shape[0]
    rgba = np.empty((1, size, size, 4), np.float32)
    rgba[0, :, :, 3] = shape[:, :, 0].astype(np.float32) / 255
    shade = shape[:, :, 1:].astype(np.float32) / 100
    rgba[0, :, :, :3] = np.clip(_patchwork(material, source.paint) * shade, 0, 1)
    return rgba


def _patchwork(material: Material, work: Patchwork) -> Plane:
    paint = _surface(material, work.ground, work.size)
    for noise, level, patch in work.patches:
        where = spread(noise)[..., None] > level
        paint = np.where(where, _surface(material, patch, work.size), paint)
    return paint


def _surface(material: Material, made: Photograph | Cloth, size: tuple[int, int]) -> Plane:
    height, width = size
    if isinstance(made, Photograph):
        cloth: Plane = photograph(material, made)[0, :height, :width]
        return cloth
    light = 1 + 0.5 * spread(made.light)
    grain = 1 + made.roughness * spread(made.grain)
    return np.asarray(np.clip(made.colour * (light * grain)[..., None], 0, 1), np.float32)


def _recolour(rgba: Plane, how: Recolouring) -> Plane:
    rgb = rgba[..., :3]
    if how.channels is not None:
        rgb = rgb[..., np.array(how.channels)]
    rgb = np.clip(rgb @ how.mix, 0, 1)
    rgb = rgb ** np.float32(how.gamma)
    grey = rgb.mean(axis=-1, keepdims=True)
    rgb = grey + (rgb - grey) * np.float32(how.saturation)
    rgb = np.clip(how.black + rgb * (how.white - how.black), 0, 1)
    return np.concatenate([rgb, rgba[..., 3:]], axis=-1).astype(np.float32)


def _apply_ripple(rgba: Plane, ripple: Ripple, fields: tuple[Plane, Plane], t: int) -> Plane:
    across, down = (f * np.float32(r) for f, r in zip(fields, ripple.reach, strict=True))
    size = rgba.shape[0]
    swing = np.float32(np.sin(ripple.speed * t))
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    moved = cv2.remap(
        rgba,
        x + swing * across,
        y + swing * down,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _blur(colour: Plane, alpha: Plane, how: Blur) -> None:
    """Blur the layer in place, with its colour premultiplied."""
    kernel = how.kernel
    for t in range(len(alpha)):
        soft = cv2.filter2D(alpha[t], -1, kernel)
        premultiplied = cv2.filter2D(colour[t] * alpha[t][..., None], -1, kernel)
        solid = soft > 1e-3
        colour[t][solid] = premultiplied[solid] / soft[solid][:, None]
        alpha[t] = soft
