from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import read_layers
from vimatte.output.vse import write_strip


def test_all_four_channels_are_alpha_and_fill_the_display_window(
    tmp_path: Path, header: FrameHeader
) -> None:
    alpha = np.random.default_rng(0).random((12, 20)).astype(np.float16)
    write_strip(tmp_path / "1.exr", alpha, header, "zip")
    channels, found, attributes = read_layers(tmp_path / "1.exr")
    assert list(channels) == ["R", "G", "B", "A"]
    assert found.data_window == found.display_window == Window(0, 0, 16, 16)
    assert found.pixel_aspect == 2.0
    assert "camera" not in attributes
    for plane in channels.values():
        np.testing.assert_array_equal(plane[2:14], alpha[:, 3:19])
        assert not plane[:2].any()
        assert not plane[14:].any()


@pytest.mark.parametrize("window", [Window(100, 100, 4, 4), Window(3, 3, 0, 0)])
def test_nothing_of_the_data_window_is_seen(tmp_path: Path, window: Window) -> None:
    header = FrameHeader(window, Window(10, 20, 8, 6))
    write_strip(tmp_path / "1.exr", np.ones(window.shape, np.float16), header, "zip")
    channels, found, _ = read_layers(tmp_path / "1.exr")
    assert found.data_window == Window(0, 0, 8, 6)
    assert not channels["A"].any()


def test_an_absent_instance(tmp_path: Path, header: FrameHeader) -> None:
    write_strip(tmp_path / "1.exr", None, header, "zip")
    channels, _, _ = read_layers(tmp_path / "1.exr")
    assert channels["A"].shape == (16, 16)
    assert not channels["A"].any()


@pytest.mark.parametrize(("asked", "used"), [("piz", "piz"), ("dwaa", "zip")])
def test_colour_is_the_matte_so_it_is_never_lossy(
    tmp_path: Path, header: FrameHeader, asked: str, used: str
) -> None:
    write_strip(tmp_path / "1.exr", None, header, asked)
    assert read_layers(tmp_path / "1.exr")[2]["compression"] == used
