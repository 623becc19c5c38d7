from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    colour: tuple[float, float, float] = (1.0, 0.25, 0.0)


@pytest.fixture
def rows() -> list[Row]:
    return [Row(1, "person01"), Row(2, "person02", (0.25, 0.6, 1.0))]


@pytest.fixture
def header() -> FrameHeader:
    """Overscan on one side, a window that starts inside on another, squeezed, with metadata."""
    metadata = {"camera": "A", "fps": 24, "vimatte/model": "the plate's", "vimatte/old": "x"}
    return FrameHeader(Window(-3, 2, 20, 12), Window(0, 0, 16, 16), 2.0, metadata)


@pytest.fixture
def alphas() -> dict[str, np.ndarray]:
    raw = np.random.default_rng(0).random((2, 12, 20)).astype(np.float32)
    raw /= np.maximum(raw.sum(axis=0), 1)
    return {"person01": raw[0], "person02": raw[1]}
