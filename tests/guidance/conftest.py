"""Tiny plates and masks, and the real networks and footage where they can be had."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte.errors import VimatteError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.open_plate import open_plate
from vimatte.frames.window import Window
from vimatte.guidance.pose_nets import PoseNets
from vimatte.guidance.types import GuidanceResult, Step
from vimatte.models.store import WeightsStore

sys.path.insert(0, str(Path(__file__).parent))


def _write_image(
    path: Path,
    pixels: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    display: Window | None = None,
    at: tuple[int, int] = (0, 0),
    aspect: float = 1.0,
    kind: object = None,
) -> Path:
    """Write pixels (height, width[, channels]) as OpenImageIO takes them."""
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    eight = path.suffix != ".exr"
    spec = oiio.ImageSpec(
        pixels.shape[1], pixels.shape[0], pixels.shape[2], "uint8" if eight else "half"
    )
    if names is not None:
        spec.channelnames = tuple(names)
    spec.x, spec.y = at
    if display is not None:
        spec.full_x, spec.full_y = display.x, display.y
        spec.full_width, spec.full_height = display.width, display.height
    spec.attribute("PixelAspectRatio", aspect)
    path.parent.mkdir(parents=True, exist_ok=True)
    out = oiio.ImageOutput.create(str(path))
    assert out is not None
    assert out.open(str(path), spec), out.geterror()
    data = pixels.astype(np.uint8) if eight else pixels.astype(np.float32)
    assert out.write_image(np.ascontiguousarray(data)), out.geterror()
    out.close()
    return path


def _source_of(
    path: Path | str, frames: str | None = None, roi: Window | None = None
) -> NetworkSource:
    plate = open_plate(path)
    wanted = None if frames is None else FrameRange.parse(frames)
    return NetworkSource(plate, NetworkColour(None, plate=plate), roi=roi, frames=wanted)


def _finish(run: Generator[Step, None, GuidanceResult]) -> tuple[GuidanceResult, list[Step]]:
    """Run a provider to its end; return its result and the steps it took."""
    results: list[GuidanceResult] = []

    def whole() -> Generator[Step, None, None]:
        results.append((yield from run))

    steps = list(whole())
    return results[0], steps


@pytest.fixture(scope="session")
def write_image() -> Callable[..., Path]:
    return _write_image


@pytest.fixture(scope="session")
def source_of() -> Callable[..., NetworkSource]:
    return _source_of


@pytest.fixture(scope="session")
def finish() -> Callable[..., tuple[GuidanceResult, list[Step]]]:
    return _finish


@pytest.fixture(scope="session")
def people_weights() -> WeightsStore:
    store = WeightsStore()
    try:
        store.fetch("people")
    except VimatteError as error:
        pytest.skip(f"the people networks cannot be fetched: {error}")
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    return store


@pytest.fixture(scope="session")
def nets(people_weights: WeightsStore) -> PoseNets:
    return PoseNets(people_weights.folder("people"))


@pytest.fixture(scope="session")
def bikes() -> Path:
    """The demo clip: 640x272; a cyclist waits in frames 108 to 137, nobody is in 1 to 30."""
    store = WeightsStore()
    try:
        return store.fetch("demo-clip") / "bikes.mp4"
    except VimatteError as error:
        pytest.skip(f"the demo clip cannot be fetched: {error}")
