"""Batches of composed samples, each a pure function of seed, stage and step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vimatte.training.compose import SampleSettings, compose
from vimatte.training.config import TrainingConfig
from vimatte.training.material import Material


class Batches(Dataset[dict[str, Tensor]]):
    """Whole batches by step, so that a resumed run sees what an unbroken one would."""

    def __init__(self, folder: Path, config: TrainingConfig, stage_index: int, first: int) -> None:
        self.folder, self.seed, self.stage_index = folder, config.seed, stage_index
        self.stage, self.augmentation = config.stages[stage_index], config.augmentation
        self.first, self.last = first, self.stage.steps
        self.material: Material | None = None

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        step = self.first + position
        material = self.material = self.material or Material.open(self.folder)
        stage = self.stage
        key = [self.seed, self.stage_index, step]
        half = np.random.default_rng([*key, 1 << 20]).random() < stage.scale2
        scale = 2 if half else 1
        size = max(96, stage.size // 2 // 32 * 32 + 32) if half else stage.size
        frames, batch = stage.frames * stage.windows, stage.batch
        if np.random.default_rng([*key, 1 << 21]).random() < stage.stills:
            frames, batch = 1, max(2, batch * frames // 2)
        settings = SampleSettings(size, frames, scale, self.augmentation)
        samples = [
            compose(material, settings, np.random.default_rng([*key, index]))
            for index in range(batch)
        ]
        return {
            "plate": torch.from_numpy(
                np.stack([(s.plate * 255).round().astype(np.uint8) for s in samples])
            ),
            "masks": torch.from_numpy(np.stack([s.masks.astype(np.uint8) for s in samples])),
            "truth": torch.from_numpy(np.stack([s.truth.astype(np.float16) for s in samples])),
            "contrast": torch.from_numpy(
                np.stack([s.contrast.astype(np.float16) for s in samples])
            ),
            "scale": torch.tensor(scale),
        }


def one_thread(worker: int) -> None:
    """Keep a process that composes samples to one core."""
    import cv2  # noqa: PLC0415 - only the worker process is to be limited

    del worker
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
