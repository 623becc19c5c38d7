"""Tiny plates, written the way other programs write them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # makes plate_files and numbered_movies importable

from plate_files import make_spec, write

WriteImage = Callable[..., Path]


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
