"""From a plate to published mattes in one call."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests_session_support import HEIGHT, WIDTH, disc, write_plate

import vimatte
from vimatte.errors import ConfigError, InputError
from vimatte.frames.window import Window
from vimatte.output.exr_file import read_layers


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A plate, and the masks of one instance."""
    write_plate(tmp_path / "plate", range(1001, 1004))
    folder = tmp_path / "masks" / "anna"
    folder.mkdir(parents=True)
    for frame in range(1001, 1004):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        item = disc(40 + 2 * (frame - 1000), 60, 25)
        mask[item.window.slices_in(Window(0, 0, WIDTH, HEIGHT))][item.mask] = 255
        cv2.imwrite(str(folder / f"m.{frame}.png"), mask)
    return tmp_path


def test_a_plate_is_matted_in_one_call(shot: Path) -> None:
    def matted() -> Path:
        return vimatte.matte(
            shot / "plate" / "plate.####.exr",
            shot / "out",
            guidance=f"masks:{shot / 'masks'}",
            names=["hero"],
            frames="1001-1002",
            preview=True,
        )

    version = matted()
    assert version == shot / "out" / "v001"
    assert sorted(path.name for path in (version / "exr").iterdir() if path.suffix == ".exr") == [
        "plate.1001.exr",
        "plate.1002.exr",
    ]
    alpha = read_layers(version / "exr" / "plate.1001.exr")[0]["hero.A"]
    assert alpha[60, 42] > 0.5
    assert (version / "qc.html").exists()
    assert (shot / "out" / "session.json").exists()
    assert matted() == version


def test_what_is_wrong_is_said_before_anything_is_written(shot: Path) -> None:
    plate, out = shot / "plate" / "plate.####.exr", shot / "out"
    with pytest.raises(ConfigError, match="frame") as info:
        vimatte.matte(plate, out, frame="1001")
    assert "frames" in str(info.value.hint)
    with pytest.raises(ConfigError, match="steadiness"):
        vimatte.matte(plate, out, steadiness=2)
    with pytest.raises(InputError, match="empty path"):
        vimatte.matte(plate, "")
    assert not out.exists()
