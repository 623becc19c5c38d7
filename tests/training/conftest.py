"""Training material that is drawn by arithmetic: equal on every machine, and in no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.training.material import Material


def _soft_disc(height: int, width: int, x: float, y: float, radius: float) -> NDArray[np.float64]:
    rows, columns = np.mgrid[:height, :width]
    far = np.hypot(columns - x, rows - y)
    # A rim of strands: its radius depends on the angle.
    rim = radius + 2.5 * np.sin(np.arctan2(rows - y, columns - x) * 12)
    return np.asarray(np.clip((rim - far) / 3 + 0.5, 0, 1))


def _waves(height: int, width: int, phase: float) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[:height, :width]
    channels = [
        np.sin(columns / (7 + 3 * c) + phase + c) * np.cos(rows / (11 - 2 * c) + phase * c)
        for c in range(3)
    ]
    return np.round(127.5 + 120 * np.stack(channels, axis=-1)).astype(np.uint8)


@pytest.fixture(scope="session")
def material_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs, a clip of each kind and three mattes."""
    root = tmp_path_factory.mktemp("drawn")
    for part in ("backgrounds", "clips", "rendered"):
        (root / part).mkdir()
    for index, (height, width) in enumerate([(160, 200), (320, 280)]):
        np.save(root / "backgrounds" / f"{index:04d}.npy", _waves(height, width, index))
    for index, (part, frames) in enumerate([("clips", 12), ("clips", 5), ("rendered", 9)]):
        clip = np.empty((frames, 120, 90 + 20 * index, 4), np.uint8)
        for t in range(frames):
            clip[t, ..., :3] = _waves(*clip.shape[1:3], 3 + index + 0.1 * t)
            alpha = _soft_disc(*clip.shape[1:3], 40 + 2 * t, 55 + t, 28 + 4 * index)
            clip[t, ..., 3] = np.round(alpha * 255)
        np.save(root / part / f"{index}.npy", clip)
    shapes = np.empty((3, 96, 96, 2), np.uint8)
    for index, shape in enumerate(shapes):
        shape[..., 0] = np.round(_soft_disc(96, 96, 44, 50, 20 + 6 * index) * 255)
        shape[..., 1] = 60 + _waves(96, 96, index)[..., 0] // 3
    np.save(root / "shapes.npy", shapes)
    return root


@pytest.fixture(scope="session")
def drawn_material(material_folder: Path) -> Material:
    return Material.open(material_folder)
