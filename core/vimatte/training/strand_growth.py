"""Grow strands on a scalp: the shape of hair and fur for rendered training foregrounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Scalp:
    """The surface strands grow on: ellipsoids, in metres, z up, the face towards -y.

    Attributes
    ----------
    centres, radii : ndarray of float, shape (N, 3)
    hairline : float
        On a head strands grow above it: the least z of a direction from the centre, -1 to 1.
    """

    centres: Points
    radii: Points
    hairline: float

    @classmethod
    def head(cls, rng: np.random.Generator) -> Scalp:
        """Return a head."""
        radii = np.array([0.078, 0.098, 0.118]) * rng.uniform(0.92, 1.08, 3)
        return cls(np.zeros((1, 3)), radii[None], float(rng.uniform(-0.35, 0.15)))

    @classmethod
    def animal(cls, rng: np.random.Generator) -> Scalp:
        """Return a trunk, a head and perhaps ears or legs."""
        centres, radii = [np.array([0.0, 0.08, -0.05])], [rng.uniform(0.09, 0.16, 3)]
        centres.append(np.array([0, -0.06, 0.1]) + rng.normal(0, 0.02, 3))
        radii.append(rng.uniform(0.06, 0.09, 3))
        for _ in range(int(rng.integers(0, 5))):
            centres.append(centres[int(rng.integers(2))] + rng.normal(0, 0.09, 3))
            radii.append(rng.uniform(0.02, 0.05, 3))
        return cls(np.array(centres), np.array(radii), -1.0)


@dataclass(frozen=True)
class Style:
    """How strands look.

    Attributes
    ----------
    fur : bool
        Short strands all over an animal, instead of hair on a head.
    count, points : int
        Strands, and points of each.
    length : float
        Metres.
    radius : float
        Metres, at the root.
    fall : float
        How much a strand bends towards the ground on its way, 0 to 1.
    curl, turns : float
        Radius of the curls in metres, and how many along a strand.
    stray : float
        How much strands differ from each other in direction.
    clump : float
        How much they gather into locks, 0 to 1.
    """

    fur: bool
    count: int
    points: int
    length: float
    radius: float
    fall: float
    curl: float
    turns: float
    stray: float
    clump: float


def draw_style(rng: np.random.Generator) -> Style:
    """Draw a hair style: short, long, curly, wild, or an animal's fur."""
    kind = str(rng.choice(["short", "long", "curly", "wild", "fur"], p=[0.2, 0.3, 0.2, 0.15, 0.15]))
    length = {"short": 0.03, "long": 0.26, "curly": 0.13, "wild": 0.12, "fur": 0.025}[kind]
    count = {"short": 14000, "long": 14000, "curly": 12000, "wild": 8000, "fur": 30000}[kind]
    return Style(
        fur=kind == "fur",
        count=int(count * rng.uniform(0.5, 1.4)),
        points={"short": 6, "long": 24, "curly": 32, "wild": 16, "fur": 6}[kind],
        length=float(length * rng.uniform(0.6, 1.5)),
        radius=float(rng.uniform(0.00010, 0.00022)),
        fall={"short": 0.15, "long": 0.75, "curly": 0.35, "wild": 0.2, "fur": 0.25}[kind],
        curl=float(rng.uniform(0.004, 0.012)) if kind == "curly" else float(rng.uniform(0, 0.003)),
        turns=float(rng.uniform(3, 9)) if kind == "curly" else float(rng.uniform(0.5, 3)),
        stray=float(rng.uniform(0.5, 0.9)) if kind == "wild" else float(rng.uniform(0.1, 0.35)),
        clump=float(rng.uniform(0.3, 0.9)) if kind != "short" else float(rng.uniform(0, 0.4)),
    )


def grow(scalp: Scalp, style: Style, rng: np.random.Generator, wind: NDArray[np.float64]) -> Points:
    """Grow every strand from its root.

    Parameters
    ----------
    scalp : Scalp
    style : Style
    rng : numpy.random.Generator
        The same one for every frame of a subject: only `wind` then moves its strands.
    wind : ndarray of float, shape (3,)
        Added to the pull of the ground, which is 1.

    Returns
    -------
    ndarray of float, shape (style.count, style.points, 3)
        Metres; no point lies inside of the scalp.
    """
    roots, normals = _roots(scalp, style.count, rng)
    lock = _locks(roots, max(30, style.count // 60), rng)
    own, shared = rng.normal(0, 1, (2, style.count, 3))
    stray = (1 - style.clump) * own + style.clump * shared[lock]
    direction = _unit(normals + style.stray * stray)
    parting = np.array([0.0, 0.6, 0.0]) if not style.fur else np.array([0.0, 0.5, -0.2])
    lengths = style.length * rng.uniform(0.6, 1.0, style.count)
    pull = np.array([0.0, 0.0, -1.0]) + np.asarray(wind) + parting * 0.3
    across = _unit(np.cross(direction, rng.normal(0, 1, (style.count, 3))))
    above = np.cross(direction, across)
    phase = rng.uniform(0, 6.28, style.count) * (1 - style.clump) + 6.28 * style.clump * (lock % 7)
    step = lengths[:, None] / (style.points - 1)
    at, path = roots.copy(), [roots.copy()]
    curls = []
    for index in range(1, style.points):
        share = index / (style.points - 1)
        bend = style.fall * (0.25 + share)
        direction = _unit((1 - min(bend, 0.9)) * direction + bend * pull * 0.6)
        at = _outside(scalp, at + direction * step)
        path.append(at)
        turn = phase + 6.28 * style.turns * share
        reach = style.curl * min(1.0, 3 * share)
        curls.append(reach * (np.cos(turn)[:, None] * across + np.sin(turn)[:, None] * above))
    strands = np.stack(path, axis=1)
    strands[:, 1:] += np.stack(curls, axis=1)
    outside: Points = _outside(scalp, strands.reshape(-1, 3)).reshape(strands.shape)
    return outside


def _roots(scalp: Scalp, count: int, rng: np.random.Generator) -> tuple[Points, Points]:
    """Return places on the surface, outside of its other parts, and their normals."""
    roots, normals = np.empty((0, 3)), np.empty((0, 3))
    areas = np.prod(scalp.radii, axis=1) ** (2 / 3)
    while len(roots) < count:
        part = rng.choice(len(areas), count, p=areas / areas.sum())
        unit = _unit(rng.normal(0, 1, (count, 3)))
        # The hairline lies higher above the face than at the neck.
        line = scalp.hairline - 0.55 * unit[:, 1]
        keep = (unit[:, 2] > line) | (scalp.hairline <= -1)
        place = scalp.centres[part] + unit * scalp.radii[part]
        keep &= _depth(scalp, place) > 0.999
        roots = np.concatenate([roots, place[keep]])
        normals = np.concatenate([normals, _unit(unit / scalp.radii[part])[keep]])
    return roots[:count], normals[:count]


def _locks(roots: Points, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return, for every strand, the lock it belongs to: the nearest of a few."""
    chosen = roots[rng.choice(len(roots), min(count, len(roots)), replace=False)]
    nearest = np.empty(len(roots), np.intp)
    for start in range(0, len(roots), 2000):
        part = roots[start : start + 2000]
        nearest[start : start + 2000] = ((part[:, None] - chosen) ** 2).sum(axis=2).argmin(axis=1)
    return nearest


def _depth(scalp: Scalp, places: Points) -> NDArray[np.float64]:
    """Return how far out places lie: below 1 is inside of one of the ellipsoids."""
    out = np.full(len(places), np.inf)
    for centre, radii in zip(scalp.centres, scalp.radii, strict=True):
        out = np.minimum(out, np.linalg.norm((places - centre) / radii, axis=1))
    return out


def _outside(scalp: Scalp, places: Points) -> Points:
    """Push what lies inside of an ellipsoid out to its surface."""
    for centre, radii in zip(scalp.centres, scalp.radii, strict=True):
        scaled = (places - centre) / radii
        far = np.linalg.norm(scaled, axis=1, keepdims=True)
        pushed = centre + scaled / np.maximum(far, 1e-6) * radii
        places = np.where(far < 1, pushed, places)
    return places


def _unit(vectors: Points) -> Points:
    made: Points = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    return made
