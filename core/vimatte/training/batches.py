"""Batches of composed samples, each a pure function of seed, stage and step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vimatte.training.compose import SampleSettings, compose
from vimatte.training.config import TrainingConfig
from vimatte.training.device_compose import DeviceComposer
from vimatte.training.material import Material

Key = tuple[int, int, int, int]


def draw_step(
    config: TrainingConfig, stage_index: int, step: int
) -> tuple[SampleSettings, list[Key]]:
    """Return what the samples of a step look like, and each one's key.

    Parameters
    ----------
    config : TrainingConfig
    stage_index, step : int
        The step counts from the stage's beginning.
    """
    stage = config.stages[stage_index]
    seed = (config.seed, stage_index, step)
    half = np.random.default_rng([*seed, 1 << 20]).random() < stage.scale2
    scale = 2 if half else 1
    size = max(96, stage.size // 2 // 32 * 32 + 32) if half else stage.size
    frames, batch = stage.frames * stage.windows, stage.batch
    if np.random.default_rng([*seed, 1 << 21]).random() < stage.stills:
        frames, batch = 1, max(2, batch * frames // 2)
    settings = SampleSettings(
        size, frames, scale, config.augmentation, config.instances, config.twins
    )
    return settings, [(*seed, index) for index in range(batch)]


class Batches(Dataset[dict[str, Tensor]]):
    """Whole batches by step, so that a resumed run sees what an unbroken one would."""

    def __init__(self, folder: Path, config: TrainingConfig, stage_index: int, first: int) -> None:
        self.folder, self.config, self.stage_index = folder, config, stage_index
        self.first, self.last = first, config.stages[stage_index].steps
        self.material: Material | None = None

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        material = self.material = self.material or Material.open(self.folder)
        settings, keys = draw_step(self.config, self.stage_index, self.first + position)
        samples = [compose(material, settings, np.random.default_rng(key)) for key in keys]
        return {
            "plate": torch.from_numpy(
                np.stack([(s.plate * 255).round().astype(np.uint8) for s in samples])
            ),
            "masks": torch.from_numpy(np.stack([s.masks.astype(np.uint8) for s in samples])),
            "truth": torch.from_numpy(np.stack([s.truth.astype(np.float16) for s in samples])),
            "contrast": torch.from_numpy(
                np.stack([s.contrast.astype(np.float16) for s in samples])
            ),
            "scale": torch.tensor(settings.scale),
        }


def composed_batches(
    composer: DeviceComposer, config: TrainingConfig, stage_index: int, first: int
) -> Iterator[dict[str, Tensor]]:
    """Compose a stage's batches from step `first` on, where the composer computes.

    Yields
    ------
    dict of str to Tensor
        As `Batches` returns them; all but ``scale`` are on the composer's device.
    """
    for step in range(first, config.stages[stage_index].steps):
        settings, keys = draw_step(config, stage_index, step)
        yield {**composer.compose(settings, keys), "scale": torch.tensor(settings.scale)}


def one_thread(worker: int) -> None:
    """Keep a process that composes samples to one core."""
    import cv2  # noqa: PLC0415 - only the worker process is to be limited

    del worker
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
