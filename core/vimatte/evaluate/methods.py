"""The methods that the benchmark compares: what each makes of an item, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import ConfigError
from vimatte.evaluate import baselines
from vimatte.evaluate.degrade import salt_and_pepper
from vimatte.evaluate.guided_filter import guided_mask
from vimatte.evaluate.items import Item
from vimatte.evaluate.predict import predict_frames
from vimatte.models.base import MattingModel

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]
Frames = Iterator[tuple[int, dict[int, Plane]]]

RIVALS = ("mask", "blur", "guided", "closed-form", "knn")
OURS = "ours"
BANDS = (8.0, 12.0, 16.0, 20.0, 24.0)  # pixels at a subject of 512
SIGMAS = (1.0, 2.0, 4.0)  # pixels
GUIDED = ((8.0, 1e-3), (16.0, 1e-3), (16.0, 1e-5))  # radius at a subject of 512, and epsilon
NOISE_SEED = 4


@dataclass(frozen=True)
class Method:
    """One setting of one method.

    Attributes
    ----------
    name : str
        In tables; settings of one rival begin with its `family`.
    family : str
        ``mask``, ``blurred mean``, ``guided filter``, ``closed form``, ``knn`` or ``ours``.
    key : str
        Of its results' folder: what they depend on beside the item.
    run : callable
        Yields the alphas by instance id for the frames asked for, ascending.
    sparse : bool
        It is slow, and scored on pairs of frames only.
    noise : float
        Salt and pepper that its masks got, as a share of the pixels.
    """

    name: str
    family: str
    key: str
    run: Callable[[Item, Sequence[int]], Frames]
    sparse: bool = False
    noise: float = 0.0


def rival_methods(
    names: Sequence[str], cache: Path, bands: Sequence[float] = BANDS
) -> list[Method]:
    """Return every setting of the rivals named.

    Parameters
    ----------
    names : sequence of str
        Of `RIVALS`.
    cache : Path
        Folder for what PyMatting solved.
    bands : sequence of float
        Of the trimaps.

    Raises
    ------
    ConfigError
        A name is not known.
    """
    unknown = [name for name in names if name not in RIVALS]
    if unknown:
        raise ConfigError(f"no baseline is called {unknown[0]!r}", hint=f"known: {RIVALS}")
    methods = []
    if "mask" in names:
        methods.append(mask_method())
    if "blur" in names:
        methods += [_blurred(sigma) for sigma in SIGMAS]
    if "guided" in names:
        methods += [_guided(radius, epsilon) for radius, epsilon in GUIDED]
    for name, family in (("closed-form", "closed form"), ("knn", "knn")):
        if name in names:
            solved = baselines.SolvedCache(cache)
            methods += [_solved(family, band, solved) for band in bands]
    return methods


def mask_method(noise: float = 0.0) -> Method:
    """Return the guidance masks themselves."""

    def run(item: Item, frames: Sequence[int]) -> Frames:
        masks = noisy(item, noise)
        for t in frames:
            yield t, {i: m[t].astype(np.float32) for i, m in masks.items()}

    suffix = _suffix(noise)
    return Method(f"mask{suffix}", "mask", f"mask{suffix}", run, noise=noise)


def model_method(model: MattingModel, digest: str, noise: float = 0.0) -> Method:
    """Return a network, run over the whole clip as a session would.

    Parameters
    ----------
    model : MattingModel
    digest : str
        Of its weights.
    noise : float
    """

    def run(item: Item, frames: Sequence[int]) -> Frames:
        wanted = set(frames)
        for t, alphas in enumerate(predict_frames(item.plates, noisy(item, noise), model)):
            if t in wanted:
                yield t, alphas

    suffix = _suffix(noise)
    key = f"{model.name}-{digest[:16]}{suffix}"
    return Method(f"{OURS}{suffix}", OURS, key, run, noise=noise)


class NoisyMasks(Sequence[Mask]):
    """Masks with salt and pepper, made when they are asked for."""

    def __init__(self, masks: Sequence[Mask], rate: float, seed: int) -> None:
        self._masks, self._rate, self._seed = masks, rate, seed

    def __len__(self) -> int:
        return len(self._masks)

    def __getitem__(self, index: int) -> Mask:  # type: ignore[override]
        """Return the mask of one frame, from 0."""
        return salt_and_pepper(self._masks[index], self._rate, self._seed, index)


def noisy(item: Item, rate: float) -> Mapping[int, Sequence[Mask]]:
    """Return an item's masks with salt and pepper on a share of their pixels."""
    if not rate:
        return item.masks
    return {i: NoisyMasks(m, rate, 1000 * NOISE_SEED + i) for i, m in item.masks.items()}


def _suffix(noise: float) -> str:
    return f"-noise{100 * noise:g}" if noise else ""


def _blurred(sigma: float) -> Method:
    def run(item: Item, frames: Sequence[int]) -> Frames:
        for t in frames:
            first = max(0, t - baselines.MEAN_REACH)
            alphas = {}
            for i, masks in item.masks.items():
                last = min(len(masks), t + baselines.MEAN_REACH + 1)
                near = [masks[k] for k in range(first, last)]
                alphas[i] = baselines.blurred_window(near, sigma)
            yield t, alphas

    name = f"blurred mean {sigma:g}"
    return Method(name, "blurred mean", name.replace(" ", "-"), run)


def _guided(radius: float, epsilon: float) -> Method:
    def run(item: Item, frames: Sequence[int]) -> Frames:
        for t in frames:
            plate = item.plates[t]
            yield t, {i: guided_mask(plate, m[t], radius, epsilon) for i, m in item.masks.items()}

    name = f"guided filter {radius:g} {epsilon:g}"
    return Method(name, "guided filter", name.replace(" ", "-"), run)


def _solved(family: str, band: float, cache: baselines.SolvedCache) -> Method:
    def run(item: Item, frames: Sequence[int]) -> Frames:
        for t in frames:
            plate = item.plates[t]
            yield t, {i: cache.alpha(family, plate, m[t], band) for i, m in item.masks.items()}

    name = f"{family} {band:g}"
    return Method(name, family, name.replace(" ", "-"), run, sparse=True)
