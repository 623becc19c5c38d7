"""Blender's own Cryptomatte node picks an instance from what vimatte publishes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import read_layers
from vimatte.output.publish import Publisher
from vimatte.output.version import VersionInstance

SIZE = 64, 48
NAMES = ("anna", "bert", "cleo")


@pytest.mark.parametrize("name", NAMES)
def test_an_instance_is_picked_by_its_name(blender: Path, tmp_path: Path, name: str) -> None:
    window = Window(0, 0, *SIZE)
    raw = np.random.default_rng(2).random((len(NAMES), SIZE[1], SIZE[0])).astype(np.float32)
    raw[:, :, :20] = 0
    raw /= np.maximum(raw.sum(axis=0), 1)
    rows = [VersionInstance(n, known, (1, 0, 0)) for n, known in enumerate(NAMES, start=1)]
    frames = FrameRange.of([1001])
    made = Publisher.open(tmp_path, "sh", frames, rows, "f", {}, cryptomatte=True)
    header = FrameHeader(window, window)
    made.write(1001, header, dict(zip(NAMES, raw, strict=True)))
    picked = tmp_path / "picked.exr"
    command = [
        str(blender), str(Path(__file__).parent / "inside_cryptomatte.py"),
        str(made.folder / "cryptomatte" / "sh.1001.exr"), name, *map(str, SIZE), str(picked),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    seen, _, _ = read_layers(picked, single=True)
    layers, _, _ = read_layers(made.exr(1001))
    wanted = layers[f"{name}.A"].astype(np.float32)
    assert wanted.max() > 0.5
    np.testing.assert_allclose(seen["R"], wanted, atol=1e-6)
