"""How fast this machine is: reading, the network and publishing, for 1 to N instances."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio
import torch
from numpy.typing import NDArray

from vimatte._version import __version__
from vimatte.cache.atomic import write_atomically
from vimatte.errors import ConfigError, OutputError
from vimatte.frames.network_source import alpha_to_plate
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.types import instance_colour
from vimatte.matting.loop import State, step_frame
from vimatte.matting.regions import QUALITY, RegionStep, plan_regions
from vimatte.models.base import MattingModel
from vimatte.models.registry import DEFAULT_MODEL, load_model
from vimatte.output.publish import Publisher
from vimatte.output.qc_plots import HEIGHT, WIDTH, Line, plot_svg
from vimatte.session.session_file import Instance
from vimatte.session.shot import Shot

FIRST = 1001
MOST_INSTANCES = 16
STAGES = ("read", "network", "publish")
# The part of the frame that each person covers, and the share of it that is not sure.
COVER, STRAND = 0.08, 0.06
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#666666")
_TITLE = 34


@dataclass(frozen=True)
class Speed:
    """One measurement.

    Attributes
    ----------
    width, height : int
        Of the plate, in pixels.
    instances : int
    frames : int
        How many frames were timed.
    seconds : dict of str to float
        Of each stage of `STAGES` a frame, the median: the three one after another. In a session
        reading and publishing go on beside the network, so that a shot takes less than their sum.
    """

    width: int
    height: int
    instances: int
    frames: int
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds a frame, one stage after another."""
        return sum(self.seconds.values())


@dataclass
class SpeedReport:
    """All that was measured on a machine.

    Attributes
    ----------
    machine : dict
    rows : list of Speed
    left_out : list of tuple of int
        Width, height and instances of what the time was too short for.
    """

    machine: dict[str, Any]
    rows: list[Speed] = field(default_factory=list)
    left_out: list[tuple[int, int, int]] = field(default_factory=list)


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


def write_report(report: SpeedReport, folder: Path) -> tuple[Path, Path]:
    """Write ``speed.json`` and ``speed.svg``; returns where.

    Raises
    ------
    OutputError
    """
    data = {
        "machine": report.machine,
        "measured": [
            {
                "size": [row.width, row.height], "instances": row.instances, "frames": row.frames,
                "seconds": row.seconds, "total": row.total,
            }
            for row in report.rows
        ],
        "left_out": report.left_out,
    }  # fmt: skip
    numbers, picture = folder / "speed.json", folder / "speed.svg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(numbers, (json.dumps(data, indent=1) + "\n").encode())
        write_atomically(picture, speed_svg(report).encode())
    except OSError as error:
        raise OutputError(f"cannot write the report: {error.strerror}", path=folder) from error
    return numbers, picture


def speed_svg(report: SpeedReport) -> str:
    """Return one picture: a plot a size, milliseconds a frame over the number of instances."""
    sizes = list(dict.fromkeys((row.width, row.height) for row in report.rows))
    high = HEIGHT + _TITLE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high * len(sizes)}" '
        'font-family="sans-serif" font-size="13">',
        _style(),
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (width, height) in enumerate(sizes):
        rows = [row for row in report.rows if (row.width, row.height) == (width, height)]
        counts = [row.instances for row in rows]
        lines = [
            Line(stage, f"s{k}", [1000 * row.seconds[stage] for row in rows])
            for k, stage in enumerate(STAGES)
        ]
        lines.append(Line("together", "s3", [1000 * row.total for row in rows]))
        title = f"{width}x{height}: milliseconds a frame, by instances"
        top = number * high
        keys = "".join(
            f'<tspan class="key{k}" dx="14">{escape(line.name)}</tspan>'
            for k, line in enumerate(lines)
        )
        parts.append(f'<text x="52" y="{top + 22}">{escape(title)}{keys}</text>')
        plot = plot_svg(title, counts, lines, (), " ms")
        place = f'<svg x="0" y="{top + _TITLE}" width="{WIDTH}" height="{HEIGHT}" '
        parts.append(plot.replace("<svg ", place, 1))
    return "\n".join([*parts, "</svg>", ""])


def _style() -> str:
    rules = [
        "text{fill:#333}.grid{stroke:#ddd}.y{text-anchor:end;font-size:11px}",
        ".x{text-anchor:middle;font-size:11px}polyline{fill:none;stroke-width:2}",
    ]
    for k, colour in enumerate(_COLOURS):
        rules.append(f"polyline.s{k}{{stroke:{colour}}}circle.s{k},.key{k}{{fill:{colour}}}")
    return f"<style>{''.join(rules)}</style>"


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
