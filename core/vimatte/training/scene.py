"""What a sample shows, drawn before any pixel is computed: both composers render the same scene.

Every number a scene is made of comes from one ``numpy.random.Generator`` in a fixed order. Of the
material only sizes and outlines are looked at (`vimatte.training.outlines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vimatte.training.look import (
    Blur,
    Recolouring,
    Ripple,
    draw_blur,
    draw_recolouring,
    draw_ripple,
)
from vimatte.training.material import Material
from vimatte.training.paint import (
    Patchwork,
    Photograph,
    draw_patchwork,
    draw_photograph,
    draw_stretch,
)

Matrix = NDArray[np.float64]
#: How often one, two, three and four subjects have masks. One alone is a region whose neighbours
#: are far; the others hide parts of each other.
INSTANCES = (0.3, 0.4, 0.2, 0.1)


@dataclass(frozen=True)
class CutOut:
    """A stretch of a clip with alpha, cut to what is not empty.

    Attributes
    ----------
    kind : {"rendered", "clips"}
        The part of the material.
    number : int
        Which of them.
    frames : tuple of int
        The clip's frames, in the order in which they are shown.
    box : tuple of int
        Top, bottom, left and right of the part that is used; bottom and right are excluded.
    paint : Patchwork, optional
        What covers it instead of its own colour, of the box's size.
    """

    kind: str
    number: int
    frames: tuple[int, ...]
    box: tuple[int, int, int, int]
    paint: Patchwork | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        top, bottom, left, right = self.box
        return bottom - top, right - left


@dataclass(frozen=True)
class Shape:
    """A procedural matte, painted; the same in every frame.

    Attributes
    ----------
    number : int
    paint : Patchwork
        As large as the matte.
    """

    number: int
    paint: Patchwork

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.paint.size


@dataclass(frozen=True)
class Subject:
    """One layer: where it comes from, how it looks and how it moves.

    Attributes
    ----------
    source : CutOut or Shape
    colours : Recolouring
    matrices : tuple of ndarray of float64, shape (2, 3)
        From source to crop pixels (x, y), one a frame.
    ripple : Ripple, optional
    blur : Blur, optional
    """

    source: CutOut | Shape
    colours: Recolouring
    matrices: tuple[Matrix, ...]
    ripple: Ripple | None
    blur: Blur | None


@dataclass(frozen=True)
class Scene:
    """A background and the subjects before it.

    Attributes
    ----------
    masked : int
        How many of the subjects have masks: the first ones. The others are strangers.
    subjects : tuple of Subject
    order : tuple of int
        The subjects from back to front.
    linear : bool
        Whether light is mixed linearly; as encoded otherwise.
    background : Photograph
    """

    masked: int
    subjects: tuple[Subject, ...]
    order: tuple[int, ...]
    linear: bool
    background: Photograph


def draw_scene(
    material: Material,
    frames: int,
    size: int,
    rng: np.random.Generator,
    instances: Sequence[float] = INSTANCES,
    twins: float = 0.0,
) -> Scene:
    """Draw a background, some masked subjects, sometimes an unmasked one.

    Parameters
    ----------
    material : Material
    frames, size : int
        Length of the clip and side of the square crop, in plate pixels.
    rng : numpy.random.Generator
    instances : sequence of float
        How often one, two, three ... subjects have masks.
    twins : float
        How often, where several have masks, the second looks like the first, as dancers and teams
        do: only the masks say then who is who.
    """
    masked = 1 + int(rng.choice(len(instances), p=instances))
    strangers = int(rng.random() < 0.15)
    zoomed = float(np.exp(rng.uniform(np.log(0.8), np.log(3.0))))
    subjects = tuple(
        draw_subject(material, frames, size, zoomed, rng) for _ in range(masked + strangers)
    )
    if twins and masked > 1 and rng.random() < twins:
        first = subjects[0]
        motion = _draw_motion(material, first.source, frames, size, zoomed, rng)
        subjects = (first, replace(first, matrices=motion), *subjects[2:])
    order = tuple(int(i) for i in rng.permutation(len(subjects)))
    linear = bool(rng.random() < 0.5)
    return Scene(masked, subjects, order, linear, draw_photograph(material, frames, size, rng))


def draw_subject(
    material: Material, frames: int, size: int, zoomed: float, rng: np.random.Generator
) -> Subject:
    """Draw a subject, its look and its motion.

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
    source: CutOut | Shape
    if material.rendered and pick < 0.35:
        source = _cut_out(material, "rendered", frames, rng, painted=rng.random() < 0.3)
    elif pick < (0.5 if material.rendered else 0.35):
        source = _cut_out(material, "clips", frames, rng, painted=False)
    elif pick < 0.65:
        source = _cut_out(material, "clips", frames, rng, painted=True)
    else:
        source = _shape(material, rng)
    colours = draw_recolouring(rng)
    matrices = _draw_motion(material, source, frames, size, zoomed, rng)
    ripple = draw_ripple(size, rng) if frames > 1 and rng.random() < 0.3 else None
    return Subject(source, colours, matrices, ripple, draw_blur(rng))


def _cut_out(
    material: Material, kind: str, frames: int, rng: np.random.Generator, painted: bool
) -> CutOut | Shape:
    clips = material.rendered if kind == "rendered" else material.clips
    number = int(rng.integers(len(clips)))
    clip = clips[number]
    shown = draw_stretch(len(clip), frames, rng)
    if rng.random() < 0.5:
        shown = shown[::-1]
    boxes = [material.outlines.box(kind, number, clip, frame) for frame in set(shown)]
    found = [box for box in boxes if box is not None]
    if not found:
        return _shape(material, rng)
    top, left = (max(0, min(box[i] for box in found) - 8) for i in (0, 2))
    bottom = min(clip.shape[1], max(box[1] for box in found) + 8)
    right = min(clip.shape[2], max(box[3] for box in found) + 8)
    # A silhouette of a person in other stuff: clothes differ more than bodies do.
    paint = draw_patchwork(material, bottom - top, right - left, rng) if painted else None
    return CutOut(kind, number, shown, (top, bottom, left, right), paint)


def _shape(material: Material, rng: np.random.Generator) -> Shape:
    number = int(rng.integers(len(material.shapes)))
    size = material.shapes.shape[1]
    return Shape(number, draw_patchwork(material, size, size, rng))


def _draw_motion(
    material: Material,
    source: CutOut | Shape,
    frames: int,
    size: int,
    zoomed: float,
    rng: np.random.Generator,
) -> tuple[Matrix, ...]:
    """Draw one affine matrix a frame; never enlarges a real picture above 1.25 times."""
    height, width = source.size
    wanted = size * zoomed * rng.uniform(0.55, 1.0) / max(height, width)
    scale = min(1.25, wanted)
    # Look at a place on the outline: that is where there is something to learn.
    edge = _edge(material, source)
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
    return tuple(matrices)


def _edge(material: Material, source: CutOut | Shape) -> NDArray[np.int32]:
    """Return the (row, column) of every soft pixel of the source's first frame."""
    if isinstance(source, Shape):
        return material.outlines.shape_edge(source.number, material.shapes)
    clip = getattr(material, source.kind)[source.number]
    found = material.outlines.edge(source.kind, source.number, clip, source.frames[0])
    return found - np.array([source.box[0], source.box[2]], np.int32)
