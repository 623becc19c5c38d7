"""Compare mattes on disk with the truth on disk: what ``vimatte evaluate`` does."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate import metrics
from vimatte.evaluate.conventions import clip_figures, frame_curves
from vimatte.evaluate.image_metrics import ImageQuality, image_quality, matched_error, pooled
from vimatte.evaluate.instance_metrics import VideoQuality, tally_quality
from vimatte.evaluate.matte_folders import MatteClip, find_clips
from vimatte.evaluate.tally import TallyBuilder
from vimatte.evaluate.temporal_metrics import pair_messddt

Plane = NDArray[np.float32]
Report = Callable[[int, int], None]

FIGURES = ("mad", "mad_foreground", "mad_unknown", "mse", "sad", "grad", "conn", "dtssd", "messddt")
SLOW = ("grad", "conn", "messddt")
_MESSDDT_SCALE = {"vim": 1.0}


@dataclass(frozen=True)
class InstanceResult:
    """One true instance.

    Attributes
    ----------
    name : str
    prediction : str or None
        Who it was compared with; None is an alpha of 0.
    figures : dict of str to float
        By `FIGURES`; NaN where there is nothing to measure, or it was not asked for.
    curves : dict of str to list of float
        ``mad`` and ``dtssd`` of each frame, in the paper's scale.
    """

    name: str
    prediction: str | None
    figures: dict[str, float]
    curves: dict[str, list[float]]


@dataclass(frozen=True)
class ClipResult:
    """One clip.

    Attributes
    ----------
    name : str
    frames : list of int
    instances : list of InstanceResult
    quality : VideoQuality
    images : ImageQuality or None
        IMQ over the clip's frames; None where it was not asked for.
    emad, emse : float
        See `vimatte.evaluate.image_metrics.matched_error`.
    surplus : list of str
        Predictions that belong to no instance.
    """

    name: str
    frames: list[int]
    instances: list[InstanceResult]
    quality: VideoQuality
    images: ImageQuality | None
    emad: float
    emse: float
    surplus: list[str] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, float]:
        """The means over the instances."""
        return mean_figures([row.figures for row in self.instances])


def paired_clips(predicted: Path, true: Path) -> list[tuple[str, MatteClip, MatteClip]]:
    """Return the clips of two folders that belong together: name, prediction, truth.

    Raises
    ------
    InputError
        A folder holds no mattes, or a clip of the truth was not predicted.
    """
    ours, theirs = find_clips(predicted), find_clips(true)
    if len(ours) == len(theirs) == 1:
        ((name, truth),) = theirs.items()
        ((other, prediction),) = ours.items()
        return [(name or other or truth.path.name, prediction, truth)]
    missing = sorted(set(theirs) - set(ours))
    if missing:
        raise InputError(
            f"no prediction for the clip {missing[0]!r}"
            + (f" and {len(missing) - 1} more" if len(missing) > 1 else ""),
            path=predicted,
            hint="clips are paired by their folders' names",
        )
    return [(name, ours[name], theirs[name]) for name in theirs]


def evaluate_clip(
    name: str,
    predicted: MatteClip,
    true: MatteClip,
    *,
    convention: str = "paper",
    quick: bool = False,
    report: Report | None = None,
) -> ClipResult:
    """Measure one clip; memory holds two frames.

    Instances are compared with the prediction of their name where both have the same names, else
    with the one that the smallest sum of differences over the clip gives them, as VIMQ does.

    Parameters
    ----------
    name : str
    predicted, true : MatteClip
    convention : {"paper", "vim", "maggie", "rvm"}
        Scales, see `vimatte.evaluate.conventions`; RQ, TQ and MQ follow ``vim`` or the paper.
    quick : bool
        Leave out Grad, Conn, MESSDdt and IMQ.
    report : callable, optional
        Told the frames done and in all, over both passes.

    Raises
    ------
    InputError
        A frame of the truth was not predicted, or is of another size.
    FrameReadError
        A picture cannot be read.
    """
    frames = list(true.frames)
    total = len(frames) * (1 if quick else 2)
    builder = TallyBuilder(len(true.instances), len(predicted.instances))
    numbers = _consecutive(frames)
    for done, (frame, ours, theirs) in enumerate(_frames(predicted, true, frames), 1):
        builder.add(numbers[frame], list(ours.values()), list(theirs.values()))
        if report:
            report(done, total)
    tally = builder.done()
    if set(predicted.instances) == set(true.instances):
        columns = [list(predicted.instances).index(instance) for instance in true.instances]
    else:
        columns = tally.matched()
    names = [predicted.instances[c] if c < tally.predictions else None for c in columns]
    slow = dict.fromkeys(true.instances, dict.fromkeys(SLOW, math.nan))
    images = None
    if not quick:
        partners = dict(zip(true.instances, names, strict=True))
        slow, images = _slow_figures(predicted, true, frames, partners, convention, report)
    rows = [
        InstanceResult(
            instance,
            names[g],
            {
                figure: {
                    **clip_figures(tally, g, columns[g], convention=convention),
                    **slow[instance],
                }[figure]
                for figure in FIGURES
            },
            frame_curves(tally, g, columns[g]),
        )
        for g, instance in enumerate(true.instances)
    ]
    return ClipResult(
        name,
        frames,
        rows,
        tally_quality(tally, convention="vim" if convention == "vim" else "paper"),
        images,
        matched_error(tally, "mad"),
        matched_error(tally, "mse"),
        [p for p in predicted.instances if p not in names],
    )


def mean_figures(rows: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over those that have it; NaN where none has."""
    means = {}
    for figure in FIGURES:
        known = [row[figure] for row in rows if not math.isnan(row[figure])]
        means[figure] = float(np.mean(known)) if known else math.nan
    return means


def _slow_figures(
    predicted: MatteClip,
    true: MatteClip,
    frames: list[int],
    partners: Mapping[str, str | None],
    convention: str,
    report: Report | None,
) -> tuple[dict[str, dict[str, float]], ImageQuality]:
    sums: dict[str, dict[str, list[float]]] = {
        instance: {figure: [] for figure in SLOW} for instance in true.instances
    }
    pictures = []
    before: dict[str, tuple[Plane, Plane]] = {}
    for done, (_, ours, theirs) in enumerate(_frames(predicted, true, frames), 1):
        pictures.append(image_quality(list(ours.values()), list(theirs.values())))
        now = {}
        for instance, truth in theirs.items():
            partner = partners[instance]
            matte = np.zeros_like(truth) if partner is None else ours[partner]
            row = sums[instance]
            row["grad"].append(metrics.grad(matte, truth, convention=convention))
            row["conn"].append(metrics.conn(matte, truth))
            if instance in before:
                old, old_truth = before[instance]
                row["messddt"].append(
                    pair_messddt(np.stack([old, matte]), np.stack([old_truth, truth]))
                )
            now[instance] = (matte, truth)
        before = now
        if report:
            report(len(frames) + done, 2 * len(frames))
    scale = {"messddt": _MESSDDT_SCALE.get(convention, 1e4)}
    means = {
        instance: {
            figure: scale.get(figure, 1.0) * float(np.mean(values)) if values else math.nan
            for figure, values in row.items()
        }
        for instance, row in sums.items()
    }
    return means, pooled(pictures)


def _frames(
    predicted: MatteClip, true: MatteClip, frames: list[int]
) -> Iterator[tuple[int, dict[str, Plane], dict[str, Plane]]]:
    known = set(predicted.frames)
    absent = [frame for frame in frames if frame not in known]
    if absent and predicted.instances:
        raise InputError(
            f"{len(absent)} of {len(frames)} frames of the truth were not predicted",
            frame=absent[0],
            path=predicted.path,
        )
    for frame in frames:
        ours, theirs = predicted.read(frame), true.read(frame)
        sizes = {plane.shape for plane in theirs.values()}
        other = {plane.shape for plane in ours.values()} - sizes
        if len(sizes) > 1 or other:
            height, width = sorted(sizes)[0]
            wrong = sorted(other or sizes - {(height, width)})[0]
            raise InputError(
                f"the mattes are {wrong[1]}x{wrong[0]}, the truth is {width}x{height}",
                frame=frame,
                path=(predicted if other else true).path,
            )
        yield frame, ours, theirs


def _consecutive(frames: list[int]) -> dict[int, int]:
    """Number the frames so that neighbours differ by 1, whatever their usual distance is."""
    steps = [b - a for a, b in pairwise(frames)]
    step = min(steps, default=1)
    numbers, number = {}, 0
    for frame, gap in zip(frames, [0, *steps], strict=True):
        number += 0 if not gap else 1 if gap == step else 2
        numbers[frame] = number
    return numbers
