"""The trainer: stages of stills and clips, weight averaging, resumable, one file of settings."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from vimatte.errors import CheckpointError
from vimatte.models.checkpoint import choose_device, load_weights
from vimatte.models.registry import spec
from vimatte.training.batches import Batches, composed_batches, one_thread
from vimatte.training.config import Stage, TrainingConfig
from vimatte.training.device_compose import DeviceComposer
from vimatte.training.journal import Journal
from vimatte.training.losses import matting_loss
from vimatte.training.material import Material
from vimatte.training.networks import make
from vimatte.training.shards import write_weights

log = logging.getLogger(__name__)
Report = Callable[[int, dict[str, float]], None]


class Trainer:
    """Train a network by a configuration.

    Parameters
    ----------
    config : TrainingConfig
    material : Path
        Folder made by ``scripts/prepare_material``.
    folder : Path
        Where checkpoints, the log and the averaged weights go; a checkpoint there is resumed.
    report : callable, optional
        Called after every step with the steps done, of all stages, and the losses.
    """

    def __init__(
        self, config: TrainingConfig, material: Path, folder: Path, *, report: Report | None = None
    ) -> None:
        self.config, self.material, self.folder = config, material, folder
        self._report = report or (lambda *_: None)
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.device = choose_device(config.device)
        trainable = make(config)
        self.network, self._unroll = trainable.network, trainable.unroll
        self._journal = Journal(folder)
        self._composer: DeviceComposer | None = None
        self.averaged: dict[str, Tensor] = {}
        self.stage_index = 0
        self.step = 0
        if config.start:
            load_weights(self.network, spec(config.network), Path(config.start))
        self.network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self) -> None:
        """Train to the end of the last stage; resumes from the last checkpoint."""
        resumed = self._resume()
        for index in range(self.stage_index, len(self.config.stages)):
            stage = self.config.stages[index]
            if index != self.stage_index or resumed is None:
                self.step = 0
            self.stage_index = index
            optimiser = self._optimiser(stage)
            if resumed is not None and resumed["stage"] == index:
                optimiser.load_state_dict(resumed["optimiser"])
            resumed = None
            self._stage(index, stage, optimiser)
        self.export(self.folder / "averaged.safetensors")

    def _optimiser(self, stage: Stage) -> torch.optim.Optimizer:
        named = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        encoder = [p for n, p in named if n.startswith("encoder.")]
        rest = [p for n, p in named if not n.startswith("encoder.")]
        return torch.optim.AdamW(
            [
                {"params": rest, "lr": stage.rate, "peak": stage.rate},
                {
                    "params": encoder,
                    "lr": stage.rate * stage.encoder_rate,
                    "peak": stage.rate * stage.encoder_rate,
                },
            ],
            betas=(0.9, 0.99),
            weight_decay=1e-4,
        )

    def _stage(self, index: int, stage: Stage, optimiser: torch.optim.Optimizer) -> None:
        self.network.train()
        if stage.frozen_norm:
            for module in self.network.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        started, first = time.monotonic(), self.step
        recent: dict[str, list[float]] = {}
        for batch in self._batches(index):
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * self._rate(stage)
            parts = self._train(stage, batch, optimiser)
            self.step += 1
            self._average()
            self._report(self._done(), parts)
            for name, value in parts.items():
                recent.setdefault(name, []).append(value)
            if self.step % 20 == 0:
                pace = (time.monotonic() - started) / (self.step - first)
                where = {"stage": index, "step": self.step, "done": self._done()}
                means = {name: float(np.mean(values)) for name, values in recent.items()}
                self._journal.note({**where, "pace": round(pace, 3), **means})
                recent.clear()
            if self.step % self.config.save_every == 0 or self.step == stage.steps:
                self._save(index, optimiser)

    def _batches(self, index: int) -> Iterator[dict[str, Tensor]]:
        if self._composes_on_device():
            # Kept for all stages: the material is uploaded once.
            self._composer = self._composer or DeviceComposer(
                Material.open(self.material), self.device, self.config.compose_memory
            )
            yield from composed_batches(self._composer, self.config, index, self.step)
            return
        data = Batches(self.material, self.config, index, self.step)
        workers = self.config.workers
        yield from DataLoader(
            data,
            batch_size=None,
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=one_thread,
        )

    def _composes_on_device(self) -> bool:
        if self.config.compose == "auto":
            return self.device.type == "cuda"
        return self.config.compose == "device"

    def _train(
        self, stage: Stage, batch: dict[str, Tensor], optimiser: torch.optim.Optimizer
    ) -> dict[str, float]:
        plate = batch["plate"].to(self.device, torch.float32) / 255
        masks, truth, contrast = (
            batch[name].to(self.device, torch.float32) for name in ("masks", "truth", "contrast")
        )
        half = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"
        )
        state: Tensor | None = None
        logged: dict[str, float] = {}
        for first in range(0, plate.shape[1], stage.frames):
            span = slice(first, first + stage.frames)
            with half:
                alphas, state = self._unroll(
                    self.network, plate[:, span], masks[:, span], int(batch["scale"]), state
                )
            alphas = {name: alpha.float() for name, alpha in alphas.items()}
            loss, logged = matting_loss(
                alphas,
                truth[:, span],
                contrast[:, span],
                temporal_weight=self.config.temporal,
                square_weight=self.config.squares,
            )
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
            if torch.isfinite(norm):
                optimiser.step()
            else:
                log.warning("step %d: the gradient is not finite; skipped", self.step)
            state = state.detach()
        if (self.step + 1) % self.config.save_every == 0:
            self._journal.samples(plate[:, span], masks[:, span], alphas["fused"], truth[:, span])
            self._journal.curves()
        return {"loss": float(loss.detach()), **logged}

    def _rate(self, stage: Stage) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warmup)
        return float(warm * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * self.step / stage.steps))))

    def _average(self) -> None:
        state = self.network.state_dict()
        if not self.averaged:
            self.averaged = {k: v.detach().clone() for k, v in state.items()}
            return
        done = self._done()
        keep = min(self.config.average, done / (done + 10))
        for name, value in state.items():
            if value.dtype.is_floating_point:
                self.averaged[name].lerp_(value, 1 - keep)
            else:
                self.averaged[name].copy_(value)

    def _done(self) -> int:
        """Return the steps done, of all stages."""
        return sum(s.steps for s in self.config.stages[: self.stage_index]) + self.step

    def export(self, path: Path) -> None:
        """Write the averaged weights in half precision, and the configuration with them."""
        write_weights(path, self.averaged, {"config": json.dumps(asdict(self.config))})

    def _save(self, index: int, optimiser: torch.optim.Optimizer) -> None:
        path = self.folder / "checkpoint.pt"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # A pickle, but our own, and read back with weights_only.
        torch.save(  # noqa: TID251
            {
                "network": self.network.state_dict(),
                "averaged": self.averaged,
                "optimiser": optimiser.state_dict(),
                "stage": index,
                "step": self.step,
                "config": asdict(self.config),
            },
            temporary,
        )
        temporary.replace(path)
        self.export(self.folder / "averaged.safetensors")

    def _resume(self) -> dict[str, Any] | None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            saved: dict[str, Any] = torch.load(path, weights_only=True, map_location=self.device)
        except Exception as error:
            raise CheckpointError(f"cannot resume: {error}", path=path) from error
        self.network.load_state_dict(saved["network"])
        self.averaged = saved["averaged"]
        self.stage_index, self.step = saved["stage"], saved["step"]
        return saved
