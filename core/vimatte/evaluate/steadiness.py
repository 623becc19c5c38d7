"""How steady mattes are on footage without a truth: the difference left after following the motion.

The plate's own optical flow (DIS) carries the matte of the frame before to the frame now; what
differs then is flicker, swimming, or a real change of coverage. Only the band around the outlines
counts, where a matte has something to decide, and only pixels whose flow there and back agrees. It
is measured for the guidance masks in the very same band, since a figure by itself says little.

A matte that ignores the picture can be perfectly steady: look at it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate.matte_folders import MatteClip
from vimatte.evaluate.temporal_metrics import PlateMotion, shared_band

Plane = NDArray[np.float32]
Column = list[tuple[float, int]]  # of each pair of frames: the sum, and how many pixels


@dataclass(frozen=True)
class Steadiness:
    """One instance.

    Attributes
    ----------
    name : str
    difference : float
        ``1e3 * mean |a_t - warped a_t-1|`` over the band's pixels of all pairs of frames; NaN
        without any.
    guidance : float
        The same of its guidance masks; NaN without guidance.
    curve, guidance_curve : list of float
        Of each pair, at its second frame; the first value is NaN.
    """

    name: str
    difference: float
    guidance: float
    curve: list[float]
    guidance_curve: list[float]

    @property
    def ratio(self) -> float:
        """The guidance's difference over the matte's: how many times steadier the matte is."""
        return self.guidance / self.difference if self.difference > 0 else math.nan


def measure_steadiness(
    mattes: MatteClip,
    plate: Callable[[int], Plane],
    guidance: MatteClip | None = None,
    *,
    partners: Mapping[str, str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> list[Steadiness]:
    """Measure every instance of a clip; memory holds two frames.

    Parameters
    ----------
    mattes : MatteClip
    plate : callable
        Gives a frame's sRGB-encoded picture, shape (H, W, 3), in [0, 1].
    guidance : MatteClip, optional
        Masks of the same frames.
    partners : mapping of str to str, optional
        The guidance of each instance; by default that of the same name, and where the names are
        others and their number is the same, of the same place in order.
    report : callable, optional
        Told the frames done and in all.

    Raises
    ------
    InputError
        Sizes differ, a frame is missing, or an instance has no guidance.
    """
    frames = list(mattes.frames)
    pairs = _partners(mattes, guidance) if partners is None else dict(partners)
    sums: dict[str, tuple[Column, Column]] = {name: ([], []) for name in mattes.instances}
    before: tuple[int, Plane, dict[str, Plane], dict[str, Plane]] | None = None
    for done, frame in enumerate(frames, 1):
        picture = plate(frame)
        ours = mattes.read(frame)
        masks = guidance.read(frame) if guidance else {}
        for kind, planes in (("matte", ours), ("guidance mask", masks)):
            for name, plane in planes.items():
                if plane.shape != picture.shape[:2]:
                    raise InputError(
                        f"the {kind} of {name} is {plane.shape[1]}x{plane.shape[0]}, "
                        f"the plate is {picture.shape[1]}x{picture.shape[0]}",
                        frame=frame,
                        path=mattes.path,
                    )
        if before is not None and before[0] == frame - 1:
            motion = PlateMotion(before[1], picture)
            for name, alpha in ours.items():
                both = [before[2][name], alpha]
                other = pairs.get(name)
                if other is not None:
                    both += [before[3][other], masks[other]]
                band = shared_band(*both)
                sums[name][0].append(motion.difference(both[0], both[1], band))
                sums[name][1].append(
                    (math.nan, 0) if other is None else motion.difference(both[2], both[3], band)
                )
        else:
            for name in ours:
                for column in sums[name]:
                    column.append((math.nan, 0))
        before = (frame, picture, ours, masks)
        if report:
            report(done, len(frames))
    return [
        Steadiness(name, _mean(own), _mean(other), _curve(own), _curve(other))
        for name, (own, other) in sums.items()
    ]


def mean_steadiness(rows: list[Steadiness]) -> tuple[float, float]:
    """Return the means over instances of the mattes' and the guidance's difference."""
    own = [row.difference for row in rows if not math.isnan(row.difference)]
    other = [row.guidance for row in rows if not math.isnan(row.guidance)]
    return (
        float(np.mean(own)) if own else math.nan,
        float(np.mean(other)) if other else math.nan,
    )


def _partners(mattes: MatteClip, guidance: MatteClip | None) -> dict[str, str]:
    if guidance is None:
        return {}
    if set(mattes.instances) <= set(guidance.instances):
        return {name: name for name in mattes.instances}
    if len(mattes.instances) == len(guidance.instances):
        return dict(zip(mattes.instances, guidance.instances, strict=True))
    raise InputError(
        f"{len(mattes.instances)} instances and {len(guidance.instances)} guidance masks "
        "of other names",
        path=guidance.path,
    )


def _mean(values: Column) -> float:
    pixels = sum(count for _, count in values)
    total = sum(value for value, count in values if count)
    return 1e3 * total / pixels if pixels else math.nan


def _curve(values: Column) -> list[float]:
    return [1e3 * value / count if count else math.nan for value, count in values]
