"""Tiny shots on disk, a provider that knows where things are, and weights that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
import torch
from safetensors.torch import save_file

from vimatte.cache.store import FrameStore
from vimatte.frames.network_source import NetworkSource
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import save_guidance
from vimatte.guidance.types import GuidanceResult, InstanceInfo, Step
from vimatte.models.msgvim_lite import MSGVIMLite
from vimatte.session import MatteSession, Shot
from vimatte.session.settings import Settings

WIDTH, HEIGHT = 200, 120


@dataclass(frozen=True)
class Discs:
    """A guidance provider: two discs that move, the second absent for a while."""

    cuts: tuple[int, ...] = ()
    count: int = 2
    overlapping: bool = False
    name: str = "discs"

    def settings(self) -> dict[str, Any]:
        return {"cuts": list(self.cuts), "count": self.count}

    def run(
        self, source: NetworkSource, cache_root: Path, shot: str
    ) -> Generator[Step, None, GuidanceResult]:
        store = FrameStore(cache_root, shot, "guidance", self.settings())
        seen: dict[int, list[int]] = {}
        frames = list(source.frames)
        for done, frame in enumerate(frames, 1):
            masks = {}
            for key in range(1, self.count + 1):
                if key == 2 and 1012 <= frame < 1014:
                    continue
                x = 40 + 100 * (key - 1) + 2 * (frame - 1000) * (1 if key == 1 else -1)
                masks[key] = disc(x, 60, 25)
                seen.setdefault(key, []).append(frame)
            save_guidance(store, GuidanceFrame(frame, masks), {"frame": str(frame)})
            yield Step("discs", frame, done, len(frames))
        found = tuple(
            InstanceInfo(key, f"disc{key}", f[0], f[-1], len(f), (1.0 / key, 0.2, 0.5))
            for key, f in sorted(seen.items())
        )
        return GuidanceResult(found, self.cuts, store, self.overlapping)


def disc(x: int, y: int, radius: int) -> InstanceMask:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    window = Window(x - radius, y - radius, 2 * radius + 1, 2 * radius + 1)
    return InstanceMask(window, rows**2 + columns**2 <= radius**2)


def picture(frame: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([seed, frame])
    pixels = rng.random((HEIGHT, WIDTH, 3), dtype=np.float32) * 0.3
    for key in (1, 2):
        mask = disc(40 + 100 * (key - 1) + 2 * (frame - 1000) * (3 - 2 * key), 60, 22)
        pixels[mask.window.slices_in(Window(0, 0, WIDTH, HEIGHT))][mask.mask] += 0.5
    return pixels


def write_plate(folder: Path, frames: range, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame in frames:
        write_frame(folder / f"plate.{frame}.exr", picture(frame, seed))
    return folder / "plate.####.exr"


def write_frame(path: Path, pixels: np.ndarray) -> None:
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels))
    buffer.specmod().attribute("compression", "zip")
    assert buffer.write(str(path), oiio.HALF), buffer.geterror()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose state matters: nothing in it is zero."""
    torch.manual_seed(0)
    network = MSGVIMLite()
    with torch.no_grad():
        for value in network.parameters():
            if value.abs().sum() == 0:
                value.normal_(0, 0.05)
    path = tmp_path_factory.mktemp("weights") / "lively.safetensors"
    save_file({k: v.half().contiguous() for k, v in network.state_dict().items()}, path)
    return path


@pytest.fixture(scope="session")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plate(tmp_path_factory.mktemp("plate"), range(1001, 1019))


Make = Callable[..., MatteSession]


@pytest.fixture
def make(
    plate: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Make]:
    """Make sessions on the tiny plate; all are closed at the end."""
    opened: list[MatteSession] = []

    def build(
        cache: str | Path = "cache", path: Path | None = None, provider: Any = None, **options: Any
    ) -> MatteSession:
        provider = provider or Discs()
        monkeypatch.setattr("vimatte.session.session.create_provider", lambda *a, **k: provider)
        shot = options.pop("shot", None) or Shot(path or plate)
        options.setdefault("settings", Settings(segment=6, preroll=3, keep_state=3))
        session = MatteSession(
            shot,
            guidance="people",
            cache=tmp_path / cache,
            weights=weights,
            device="cpu",
            **options,
        )
        opened.append(session)
        return session

    yield build
    for session in opened:
        session.close()
