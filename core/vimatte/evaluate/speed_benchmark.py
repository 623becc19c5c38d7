"""How fast this machine is: reading, the network and publishing, for 1 to N instances."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import OpenImageIO as oiio
import torch
from numpy.typing import NDArray

from vimatte._version import __version__
from vimatte.errors import ConfigError, OutputError
from vimatte.evaluate.speed_report import STAGES, Speed, SpeedReport
from vimatte.frames.network_source import alpha_to_plate
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.types import instance_colour
from vimatte.matting.loop import State, step_frame
from vimatte.matting.regions import QUALITY, RegionStep, plan_regions
from vimatte.models.base import MattingModel
from vimatte.models.registry import DEFAULT_MODEL, load_model
from vimatte.output.publish import Publisher
from vimatte.session.session_file import Instance
from vimatte.session.shot import Shot

FIRST = 1001
MOST_INSTANCES = 16
# The part of the frame that each person covers, and the share of it that is not sure.
COVER, STRAND = 0.08, 0.06


def measure_speed(
    report: SpeedReport,
    sizes: Sequence[tuple[int, int]],
    instances: int,
    *,
    model: MattingModel,
    frames: int = 5,
    limit: float = 120.0,
) -> Iterator[Speed]:
    """Measure, filling a report.

    Parameters
    ----------
    report : SpeedReport
        From `new_report`; rows and what was left out are added to it.
    sizes : sequence of (width, height)
    instances : int
        1, 2, ... up to so many, 16 at most.
    model : MattingModel
    frames : int
        Frames to time, after one that warms up.
    limit : float
        Seconds after which nothing new is begun; the first measurement is always made.

    Yields
    ------
    Speed

    Raises
    ------
    ConfigError
        When a number is out of range.
    """
    if not (1 <= instances <= MOST_INSTANCES and frames >= 1 and limit > 0):
        raise ConfigError(f"1 to {MOST_INSTANCES} instances, at least 1 frame and some seconds")
    if any(not 16 <= side <= 16384 for size in sizes for side in size):
        raise ConfigError("a size is from 16x16 to 16384x16384")
    end = time.monotonic() + limit
    for width, height in sizes:
        with TemporaryDirectory(prefix="vimatte-speed-") as folder:
            scene = _Scene(width, height, instances)
            plate = scene.write(Path(folder) / "plate", frames + 1)
            for count in range(1, instances + 1):
                if report.rows and time.monotonic() > end:
                    report.left_out.append((width, height, count))
                    continue
                out = Path(folder) / f"out{count}"
                row = _measure(scene, plate, out, count, model, end)
                report.rows.append(row)
                yield row


def new_report(model: MattingModel) -> SpeedReport:
    """Return an empty report that names this machine."""
    device = model.device
    if device == "cuda":
        device = torch.cuda.get_device_name()
    return SpeedReport(
        {
            "vimatte": __version__,
            "model": model.name,
            "weights": model.weights_digest,
            "device": device,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "system": platform.platform(terse=True),
        }
    )


def load_default(device: str = "auto") -> MattingModel:
    """Return the default network. Raises CheckpointError or ConfigError."""
    return load_model(DEFAULT_MODEL, device=device)


def _measure(
    scene: _Scene,
    plate: Path,
    out: Path,
    count: int,
    model: MattingModel,
    end: float,
) -> Speed:
    """Time the stages of one size and one number of instances, frame by frame."""
    times: dict[str, list[float]] = {stage: [] for stage in STAGES}
    rows = [
        Instance(key, f"person{key}", instance_colour(key), order=key)
        for key in range(1, count + 1)
    ]
    shot = Shot(plate, colorspace="scene_linear").open()
    try:
        publisher = Publisher.open(out, "speed", shot.frames, rows, f"{count}", {})
        canvas = Window(0, 0, scene.width, scene.height)
        state: State = {}
        for turn, frame in enumerate(shot.frames):
            guidance = scene.guidance(frame, count)
            steps = _steps(guidance, canvas)
            start = time.perf_counter()
            picture = shot.source.read(frame)
            read = time.perf_counter()
            alphas, state = step_frame(model, picture, guidance, steps, state)
            done = time.perf_counter()
            header = shot.source.header(frame)
            planes = {
                row.name: alpha_to_plate(alphas[row.id].alpha, alphas[row.id].window, header)
                for row in rows
                if row.id in alphas
            }
            publisher.write(frame, header, planes)
            written = time.perf_counter()
            if turn == 0:  # it warms up
                continue
            for stage, spent in zip(
                STAGES, (read - start, done - read, written - done), strict=True
            ):
                times[stage].append(spent)
            if time.monotonic() > end:
                break
    finally:
        shot.close()
    seconds = {stage: median(spent) for stage, spent in times.items()}
    return Speed(scene.width, scene.height, count, len(times["read"]), seconds)


def _steps(guidance: GuidanceFrame, canvas: Window) -> dict[int, RegionStep]:
    """Plan the regions as in the middle of a shot: the state is carried over."""
    steps = {}
    for key, mask in guidance.masks.items():
        planned = plan_regions(
            [guidance.frame], [mask.window], max_pixels=QUALITY["final"], plate=canvas
        )[0]
        steps[key] = RegionStep(guidance.frame, planned.region, reset=False, hold=False)
    return steps


class _Scene:
    """People-sized ellipses with a soft outline before a coloured noise; they stand still."""

    def __init__(self, width: int, height: int, instances: int) -> None:
        self.width, self.height = width, height
        rng = np.random.default_rng(0)
        coarse = rng.random((height // 16 + 2, width // 16 + 2, 3), dtype=np.float32)
        self._ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 0.3
        self._grain = rng.normal(1, 0.03, (height, width, 1)).astype(np.float32)
        self._alphas = [self._figure(k, instances) for k in range(instances)]

    def _figure(self, index: int, count: int) -> NDArray[np.float32]:
        down = 0.42 * self.height
        across = COVER * self.width * self.height / (np.pi * down)
        x = self.width * (index + 0.5) / count
        rows, columns = np.ogrid[: self.height, : self.width]
        radius = np.hypot((columns - x) / across, (rows - self.height / 2) / down)
        return np.clip((1 - radius) / STRAND + 0.5, 0, 1).astype(np.float32)

    def guidance(self, frame: int, count: int) -> GuidanceFrame:
        """Return the masks of the first people; they may overlap, as the network sees them."""
        masks = {}
        for key, alpha in enumerate(self._alphas[:count], start=1):
            solid = alpha > 0.5
            x, y, width, height = cv2.boundingRect(solid.astype(np.uint8))
            window = Window(x, y, width, height)
            masks[key] = InstanceMask(window, solid[y : y + height, x : x + width])
        return GuidanceFrame(frame, masks)

    def write(self, folder: Path, frames: int) -> Path:
        """Write half-float EXR files; returns the sequence's pattern."""
        folder.mkdir(parents=True)
        for frame in range(FIRST, FIRST + frames):
            picture = self._ground * np.roll(self._grain, frame, axis=0)
            for alpha in self._alphas:
                picture += alpha[..., None] * (0.5 - picture)
            path = folder / f"plate.{frame}.exr"
            if not oiio.ImageBuf(np.ascontiguousarray(picture)).write(str(path), oiio.HALF):
                raise OutputError("cannot write a test plate", path=path)
        return folder / "plate.####.exr"
