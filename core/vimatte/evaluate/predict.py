"""Run a network over pictures in memory as a session would: regions, state, joint alphas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.frames.types import GuidanceFrame, InstanceMask, NetworkFrame
from vimatte.frames.window import Window
from vimatte.matting.loop import InstanceState, step_frame
from vimatte.matting.regions import QUALITY, plan_regions
from vimatte.models.base import MattingModel
from vimatte.models.registry import DEFAULT_MODEL, load_model

Plane = NDArray[np.float32]


def predict_clip(
    plates: Sequence[Plane],
    masks: Mapping[int, Sequence[NDArray[np.bool_]]],
    weights: Path | None = None,
    model: MattingModel | None = None,
) -> dict[int, list[Plane]]:
    """Matte a clip that is one segment.

    Parameters
    ----------
    plates : sequence of ndarray of float32, shape (H, W, 3), sRGB-encoded, in [0, 1]
    masks : mapping of int to sequence of ndarray of bool, shape (H, W)
        Guidance by instance id.
    weights : Path, optional
        Other weights than the packaged ones.
    model : MattingModel, optional
        A loaded network, so that many clips share one.

    Returns
    -------
    dict of int to list of ndarray of float32, shape (H, W), in [0, 1]
    """
    model = model or load_model(DEFAULT_MODEL, device="auto", weights=weights)
    out: dict[int, list[Plane]] = {key: [] for key in masks}
    for alphas in predict_frames(plates, masks, model):
        for key, alpha in alphas.items():
            out[key].append(alpha)
    return out


def predict_frames(
    plates: Sequence[Plane],
    masks: Mapping[int, Sequence[NDArray[np.bool_]]],
    model: MattingModel,
) -> Iterator[dict[int, Plane]]:
    """Yield every instance's alpha frame by frame; see `predict_clip`. Holds one frame."""
    first = plates[0]
    height, width = first.shape[:2]
    whole = Window(0, 0, width, height)
    guided: list[dict[int, InstanceMask]] = [{} for _ in plates]
    for key, frames in masks.items():
        for t, mask in enumerate(frames):
            if mask.any():
                guided[t][key] = trimmed(mask)
    count = list(range(len(plates)))
    planned = {
        key: plan_regions(
            count,
            [guided[t][key].window if key in guided[t] else None for t in count],
            max_pixels=QUALITY["final"],
            plate=whole,
        )
        for key in masks
    }
    state: Mapping[int, InstanceState] = {}
    for t in count:
        plate = first if t == 0 else plates[t]
        alphas, state = step_frame(
            model,
            NetworkFrame(t, plate, whole),
            GuidanceFrame(t, guided[t]),
            {key: planned[key][t] for key in masks},
            state,
        )
        planes = {key: np.zeros((height, width), np.float32) for key in masks}
        for key, matte in alphas.items():
            planes[key][matte.window.slices_in(whole)] = matte.alpha
        yield planes


def trimmed(mask: NDArray[np.bool_]) -> InstanceMask:
    """Return a mask that covers a whole picture as its box; it must not be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = Window(
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0]) + 1,
        int(rows[-1] - rows[0]) + 1,
    )
    return InstanceMask(window, mask[window.slices_in(Window(0, 0, mask.shape[1], mask.shape[0]))])
