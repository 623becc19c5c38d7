"""Tiny plates, written the way other programs write them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # makes numbered_movies importable

WriteImage = Callable[..., Path]


def make_spec(
    pixels: NDArray[Any],
    kind: str = "half",
    *,
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int, int, int] | None = None,
    channels: Sequence[str] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> oiio.ImageSpec:
    height, width, count = pixels.shape
    spec = oiio.ImageSpec(width, height, count, kind)
    spec.x, spec.y = origin
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display or (0, 0, width, height)
    if channels is not None:
        spec.channelnames = tuple(channels)
    for name, value in (attributes or {}).items():
        if isinstance(value, tuple) and isinstance(value[0], str) and isinstance(value[1], tuple):
            spec.attribute(name, oiio.TypeDesc(value[0]), value[1])
        else:
            spec.attribute(name, value)
    return spec


def write(path: Path, *parts: tuple[oiio.ImageSpec, NDArray[Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    output = oiio.ImageOutput.create(str(path))
    assert output, oiio.geterror()
    specs = tuple(spec for spec, _ in parts)
    assert output.open(str(path), specs if len(specs) > 1 else specs[0]), output.geterror()
    for at, (spec, pixels) in enumerate(parts):
        if at:
            assert output.open(str(path), spec, "AppendSubimage"), output.geterror()
        assert output.write_image(pixels), output.geterror()
    output.close()
    return path


@pytest.fixture
def write_image(tmp_path: Path) -> WriteImage:
    """``write_image(name, pixels, kind="half", origin=..., display=..., ...)`` under tmp_path."""

    def one(name: str, pixels: NDArray[Any], kind: str = "half", **options: Any) -> Path:
        return write(tmp_path / name, (make_spec(pixels, kind, **options), pixels))

    return one


@pytest.fixture
def write_parts(tmp_path: Path) -> Callable[..., Path]:
    """``write_parts(name, (pixels, options), ...)``: a multi-part EXR."""

    def many(name: str, *parts: tuple[NDArray[Any], dict[str, Any]]) -> Path:
        made = [(make_spec(pixels, **options), pixels) for pixels, options in parts]
        return write(tmp_path / name, *made)

    return many


@pytest.fixture
def ramp() -> Callable[..., NDArray[np.float32]]:
    """``ramp(height, width, channels=3, seed=0)``: values that half floats hold exactly."""

    def make(height: int, width: int, channels: int = 3, seed: int = 0) -> NDArray[np.float32]:
        random = np.random.default_rng(seed)
        return (random.integers(0, 1024, (height, width, channels)) / 1024).astype(np.float32)

    return make


@pytest.fixture(autouse=True)
def no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which anything logs an error: errors are raised, not logged."""
    yield
    assert not [r for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
