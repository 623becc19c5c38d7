"""Where the instances of a synthetic clip stand and how they move, so that they hide each other.

Instances are laid down front to back. Of many places side by side each takes the one where what
is in front of it hides the share of it that was drawn from the set's range; the whole is drawn
anew where that fails. It is worked out on small pictures of a few moments of the clip.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError

Plane = NDArray[np.float32]

#: The share of an instance that may be hidden, for each set. VIM50 gives none: "partial". V-HIM60's
#: medium and hard are MaGGIe's, its easy has no overlap.
OCCLUSION = {
    "vim50": (0.03, 0.4),
    "easy": (0.0, 0.01),
    "medium": (0.05, 0.3),
    "hard": (0.5, 0.85),
}
_ATTEMPTS = 60
_PLACES = 33
_MOMENTS = 5
_SMALL = 160  # pixels: the long side of the small pictures
_MARGIN = 0.15  # of the range, kept at either end: small pictures are not exact


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a foreground's frames before they are placed.

    Attributes
    ----------
    alphas : sequence of ndarray of float32, shape (h, w)
        Of the clip's frames, small.
    shrink : float
        Their size over the frames' own.
    box : tuple of float
        Left, top, right, bottom of the subject over the whole clip, in the frames' pixels.
    cut : bool
        It touches the frames' lower border, which must stay below the plate.
    largest : float
        The scale it may be enlarged to.
    """

    alphas: Sequence[Plane]
    shrink: float
    box: tuple[float, float, float, float]
    cut: bool
    largest: float


@dataclass(frozen=True, slots=True)
class Placement:
    """How an instance moves over the plate, in plate pixels, frames and radians.

    Attributes
    ----------
    scale : float
    x, y : float
        Where the middle of the subject's lower edge stands.
    sway, period, phase : float
        It moves to and fro sideways.
    lean, breathe : float
        It leans with half the period and grows and shrinks with 1.7 of it.
    flip : bool
        Mirrored.
    """

    scale: float
    x: float
    y: float
    sway: float
    period: float
    phase: float
    lean: float
    breathe: float
    flip: bool

    def matrix(self, subject: Subject, time: float) -> NDArray[np.float64]:
        """Return the affine matrix from a frame of the subject to the plate."""
        turn = 2 * math.pi * time / self.period + self.phase
        scale = self.scale * (1 + self.breathe * math.sin(turn / 1.7))
        angle = self.lean * math.sin(turn / 2)
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        rotation = np.array([[cos, -sin], [sin, cos]])
        if self.flip:
            rotation = rotation @ np.diag([-1.0, 1.0])
        left, _, right, bottom = subject.box
        foot = np.array([(left + right) / 2, bottom])
        offset = np.array([self.x + self.sway * math.sin(turn), self.y]) - rotation @ foot
        return np.concatenate([rotation, offset[:, None]], axis=1)


def describe(frames: Sequence[NDArray[np.uint8]], *, drawn: bool) -> Subject:
    """Measure a foreground's frames, straight RGBA of 8 bits, shape (H, W, 4)."""
    height, width = frames[0].shape[:2]
    seen = np.zeros((height, width), bool)
    for frame in frames:
        seen |= frame[..., 3] > 127
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    shrink = min(1.0, _SMALL / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    alphas = [
        np.asarray(cv2.resize(f[..., 3], size, interpolation=cv2.INTER_AREA) / 255, np.float32)
        for f in frames
    ]
    box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
    return Subject(alphas, shrink, box, bool(rows[-1] >= height - 2), 4.0 if drawn else 1.25)


def arrange(
    subjects: Sequence[Subject], size: tuple[int, int], kind: str, rng: np.random.Generator
) -> tuple[list[int], list[Placement]]:
    """Place the instances of a clip, front to back.

    Parameters
    ----------
    subjects : sequence of Subject
    size : tuple of int
        Width and height of the plate.
    kind : str
        Of `OCCLUSION`.
    rng : numpy.random.Generator

    Returns
    -------
    order : list of int
        Which of the subjects is in front, which is next, and so on: as they are given, unless that
        hides too little.
    placed : list of Placement
        In that order.

    Raises
    ------
    InputError
        No arrangement hides as much as the set asks for.
    """
    low, high = OCCLUSION[kind]
    margin = _MARGIN * (high - low) if low else 0.0
    order = list(range(len(subjects)))
    for attempt in range(2 * _ATTEMPTS):
        if attempt >= _ATTEMPTS:
            order = rng.permutation(len(subjects)).tolist()
        # Ever smaller where they do not fit side by side.
        room = 0.97 ** (attempt % _ATTEMPTS if kind in ("vim50", "easy") else 0)
        placed: list[Placement] = []
        through: list[Plane] = []
        for subject in (subjects[k] for k in order):
            wanted = float(rng.uniform(low + margin, high - margin)) if placed else 0.0
            moved = _draw(subject, size, len(subjects), room, rng)
            found = _side_by_side(subject, moved, size, wanted, through)
            if found is None or (placed and not low <= found[1] <= high):
                break
            placed.append(found[0])
            through = found[2]
        else:
            return order, placed
    raise InputError(
        f"no arrangement of {len(subjects)} instances hides {low:.0%} to {high:.0%} of each",
        hint="other foregrounds, or a wider --size",
    )


def hidden_share(whole: Sequence[float], visible: Sequence[float]) -> float:
    """Return the share of an instance that others hide, from its alpha's sums over the frames."""
    total = sum(whole)
    return 1 - sum(visible) / total if total > 0 else 0.0


def _draw(
    subject: Subject, size: tuple[int, int], count: int, room: float, rng: np.random.Generator
) -> Placement:
    width, height = size
    left, top, right, bottom = subject.box
    tall = float(rng.uniform(0.6, 0.95)) * room * height / (bottom - top)
    wide = float(rng.uniform(0.7, 1.2)) * room * width / count / (right - left)
    scale = min(tall, max(wide, 0.3 * tall), subject.largest)
    sink = 0.04 * height if subject.cut else -float(rng.uniform(0, 0.06)) * height
    return Placement(
        scale=scale,
        x=0.0,
        y=height + sink,
        sway=float(rng.uniform(0.01, 0.045)) * width,
        period=float(rng.uniform(24, 44)),
        phase=float(rng.uniform(0, 2 * math.pi)),
        lean=math.radians(float(rng.uniform(1, 5))),
        breathe=float(rng.uniform(0, 0.03)),
        flip=bool(rng.random() < 0.5),
    )


def _side_by_side(
    subject: Subject,
    moved: Placement,
    size: tuple[int, int],
    wanted: float,
    through: list[Plane],
) -> tuple[Placement, float, list[Plane]] | None:
    """Find the place where the wanted share is hidden; None where it is never on the plate."""
    half = moved.scale * (subject.box[2] - subject.box[0]) / 2
    inset = min(0.8 * half, size[0] / 2 - 1)
    best: tuple[float, Placement, float, list[Plane]] | None = None
    # From the middle outwards: the first instance stands about there.
    places = np.linspace(inset, size[0] - inset, _PLACES)
    for x in sorted(places, key=lambda x: abs(x - size[0] / 2)) if not through else places:
        here = replace(moved, x=float(x))
        alphas = _small(subject, here, size)
        clear = through or [np.ones_like(alpha) for alpha in alphas]
        whole = [float(alpha.sum()) for alpha in alphas]
        seen = [float((alpha * t).sum()) for alpha, t in zip(alphas, clear, strict=True)]
        if min(whole) <= 0:
            continue
        hidden = hidden_share(whole, seen)
        if best is None or abs(hidden - wanted) < best[0] - 1e-9:
            left = [t * (1 - alpha) for alpha, t in zip(alphas, clear, strict=True)]
            best = (abs(hidden - wanted), here, hidden, left)
        if not through:
            break
    return None if best is None else best[1:]


def _small(subject: Subject, placed: Placement, size: tuple[int, int]) -> list[Plane]:
    """Return the instance's alpha over small plates at a few moments of the clip."""
    shrink = _SMALL / max(size)
    small = (max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink)))
    moments = np.linspace(0, len(subject.alphas) - 1, _MOMENTS).round().astype(int)
    planes = []
    for at in moments.tolist():
        matrix = placed.matrix(subject, at) * shrink
        matrix[:, :2] /= subject.shrink
        planes.append(np.asarray(cv2.warpAffine(subject.alphas[at], matrix, small), np.float32))
    return planes
