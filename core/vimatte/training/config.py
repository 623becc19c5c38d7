"""Every setting of a training run, in one file that is stored with the weights."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from vimatte.errors import InputError
from vimatte.training.mask_augmentation import MaskAugmentation
from vimatte.training.scene import INSTANCES


@dataclass(frozen=True)
class Stage:
    """One stretch of training.

    Attributes
    ----------
    steps : int
    size : int
        Side of a crop in network pixels.
    frames : int
        Frames in a window; the state is carried over `windows` of them without gradient.
    batch : int
        Crops in a step.
    rate : float
        Peak learning rate of the new layers; the encoder gets `encoder_rate` times as much.
    scale2 : float
        Share of the steps at working scale 1/2 (with a quarter of the crops' area each).
    windows : int
    stills : float
        Share of the steps that see stills instead, half as many of them as the clips have frames.
    frozen_norm : bool
        Keep the batch statistics: a clip's frames are too alike to estimate them from.
    """

    steps: int
    size: int
    frames: int
    batch: int
    rate: float
    scale2: float = 0.25
    stills: float = 0.0
    windows: int = 1
    frozen_norm: bool = False
    encoder_rate: float = 0.25


@dataclass(frozen=True)
class TrainingConfig:
    """Every setting of a run; stored with the weights.

    Attributes
    ----------
    stages : tuple of Stage
    network : {"msgvim-lite", "msgvim"}
    device : {"auto", "cpu", "cuda"}
    precision : {"float32", "bfloat16"}
        What the network computes in; its losses and weights are always float32.
    seed : int
    average : float
        How much of the averaged weights a step keeps.
    warmup : int
        Steps over which a stage's rate rises.
    clip : float
        The gradient's norm at most.
    temporal : float
        Weight of the loss on frame-to-frame changes.
    squares : float
        Weight of the squared errors of the matte and of its changes.
    save_every : int
    augmentation : MaskAugmentation
        How often masks are erased, pasted and merged.
    instances : tuple of float
        How often a sample has one, two, three ... masked subjects; together 1.
    twins : float
        How often the second of several looks like the first.
    temporal_features, temporal_masks : bool
        The two temporal guidances; off for ablations only.
    workers, threads : int
        Processes that compose samples on the host, and torch's threads.
    compose : {"auto", "host", "device"}
        Where samples are composed: on the host's cores in numpy and OpenCV, or in torch where the
        network is. "auto" takes the device exactly where that is a GPU, which the host's cores
        cannot feed. The two show the same scenes, but draw other grain, so that a run must go on as
        it began. "device" works on a CPU, too; so far it has only been run on one.
    compose_memory : int
        Bytes of the device's memory that the material may stay in; what does not fit is uploaded
        for every batch anew. The samples are the same whatever it is.
    init : str, optional
        An EfficientNet-Lite0 checkpoint that the encoder starts from.
    start : str, optional
        Weights of this network that the run starts from.
    """

    stages: tuple[Stage, ...]
    network: str = "msgvim-lite"
    device: str = "cpu"
    precision: str = "float32"
    seed: int = 1
    average: float = 0.998
    warmup: int = 100
    clip: float = 1.0
    temporal: float = 2.0
    squares: float = 0.0
    augmentation: MaskAugmentation = field(default_factory=MaskAugmentation)
    instances: tuple[float, ...] = INSTANCES
    twins: float = 0.0
    temporal_features: bool = True
    temporal_masks: bool = True
    save_every: int = 100
    workers: int = 1
    threads: int = 2
    compose: str = "auto"
    compose_memory: int = 2 << 30
    init: str | None = field(default=None)
    start: str | None = field(default=None)

    def __post_init__(self) -> None:
        total = sum(self.instances)
        if min(self.instances, default=-1.0) < 0 or abs(total - 1) > 1e-6:
            raise ValueError(f"`instances` are shares that add up to 1, not to {total:g}")
        if not 0 <= self.twins <= 1:
            raise ValueError(f"`twins` is a share from 0 to 1: {self.twins:g}")
        if self.precision not in ("float32", "bfloat16"):
            raise ValueError(f"no precision is called {self.precision!r}: float32, bfloat16")
        if self.compose not in ("auto", "host", "device"):
            raise ValueError(f"nothing composes on {self.compose!r}: auto, host, device")
        if self.compose_memory < 0:
            raise ValueError(f"compose_memory is a number of bytes: {self.compose_memory}")

    @classmethod
    def load(
        cls, path: Path, *, init: str | None = None, start: str | None = None
    ) -> TrainingConfig:
        """Read a JSON file, with other files to start from if any are given.

        Raises
        ------
        InputError
            Where a key is unknown or missing.
        """
        try:
            data = json.loads(path.read_text())
            stages = tuple(Stage(**stage) for stage in data.pop("stages"))
            augmentation = MaskAugmentation(**data.pop("augmentation", {}))
            if "instances" in data:
                data["instances"] = tuple(float(share) for share in data["instances"])
            data |= {k: v for k, v in (("init", init), ("start", start)) if v is not None}
            return cls(stages=stages, augmentation=augmentation, **data)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"not a training configuration: {error}", path=path) from error
