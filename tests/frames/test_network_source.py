from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from vimatte.errors import ConfigError, FrameReadError
from vimatte.frames.colour import NetworkColour
from vimatte.frames.network_source import NetworkSource, alpha_to_plate
from vimatte.frames.open_plate import open_plate
from vimatte.frames.window import Window

Ramp = Callable[..., NDArray[np.float32]]
Write = Callable[..., Path]


def source_of(path: Path, roi: Window | None = None, **options: Any) -> NetworkSource:
    plate = open_plate(path)
    return NetworkSource(plate, NetworkColour("sRGB", plate=plate, **options), roi=roi)


@pytest.fixture
def shot(tmp_path: Path, write_image: Write, ramp: Ramp) -> Path:
    for frame in range(1, 13):
        write_image(f"a.{frame:04d}.exr", ramp(6, 8, seed=frame))
    return tmp_path / "a.####.exr"


def test_frame_of_square_pixels(shot: Path, ramp: Ramp) -> None:
    source = source_of(shot)
    assert str(source.frames) == "1-12"
    read = source.read(3)
    assert (read.frame, read.window) == (3, Window(0, 0, 8, 6))
    np.testing.assert_array_equal(read.pixels, ramp(6, 8, seed=3))
    assert source.window(3) == read.window
    assert source.header(3) == source.plate.header(3)
    assert source.digest(3) == source.plate.digest(3)


def test_settings(shot: Path) -> None:
    plain, cut = source_of(shot), source_of(shot, Window(1, 2, 3, 4))
    assert plain.settings() == {**cut.settings(), "roi": None}
    assert cut.settings()["roi"] == [1, 2, 3, 4]
    assert source_of(shot, exposure=1.0).settings() != plain.settings()


@pytest.mark.parametrize(
    ("roi", "window"),
    [
        (Window(2, 1, 3, 4), Window(2, 1, 3, 4)),
        (Window(-5, -5, 7, 7), Window(0, 0, 2, 2)),
        (Window(0, 0, 100, 100), Window(0, 0, 8, 6)),
        (Window(50, 50, 2, 2), Window(50, 50, 0, 0)),
    ],
)
def test_region_of_interest(shot: Path, roi: Window, window: Window) -> None:
    source = source_of(shot, roi)
    read = source.read(1)
    assert read.window == window == source.window(1)
    whole = source_of(shot).read(1).pixels
    if window.empty:
        assert read.pixels.size == 0
    else:
        np.testing.assert_array_equal(read.pixels, whole[window.slices_in(Window(0, 0, 8, 6))])


def test_empty_region_is_refused(shot: Path) -> None:
    with pytest.raises(ConfigError, match="empty"):
        source_of(shot, Window(0, 0, 0, 5))


def test_data_windows_and_squeeze(tmp_path: Path, write_image: Write, ramp: Ramp) -> None:
    display = (0, 0, 8, 6)
    squeezed = {"PixelAspectRatio": 2.0}
    boxes = {1: (0, 0, 8, 6), 2: (-2, -1, 12, 9), 3: (3, 2, 2, 2), 4: (20, 20, 1, 1)}
    for frame, (x, y, width, height) in boxes.items():
        options = {"origin": (x, y), "display": display, "attributes": squeezed}
        write_image(f"a.{frame:04d}.exr", ramp(height, width, seed=frame), **options)
    source = source_of(tmp_path / "a.####.exr")
    cut = source_of(tmp_path / "a.####.exr", Window(5, 1, 6, 3))
    for frame, (x, y, width, height) in boxes.items():
        read = source.read(frame)
        assert read.window == Window(2 * x, y, 2 * width, height) == source.window(frame)
        assert read.pixels.shape == (height, 2 * width, 3)
        part = cut.read(frame)
        assert part.window == cut.window(frame) == read.window.intersect(Window(5, 1, 6, 3))
        if not part.window.empty:
            rows, columns = part.window.slices_in(read.window)
            np.testing.assert_allclose(part.pixels, read.pixels[rows, columns], atol=1e-6)
        header = source.header(frame)
        back = alpha_to_plate(np.ones(read.window.shape, np.float32), read.window, header)
        np.testing.assert_array_equal(back, np.ones((height, width), np.float32))
        assert not alpha_to_plate(np.ones((2, 2), np.float32), Window(900, 0, 2, 2), header).any()


def test_dirty_plate_is_clean_for_networks(tmp_path: Path, write_image: Write) -> None:
    pixels = np.array([[[np.nan, np.inf, -np.inf], [-3, 5, 6e4]]], np.float32)
    source = source_of(write_image("a.exr", pixels))
    read = source.read(1)
    np.testing.assert_array_equal(read.pixels, [[[0, 0, 0], [0, 1, 1]]])
    assert source.plate.read(1).nonfinite == 3


def test_one_pixel_plate(write_image: Write) -> None:
    for attributes in ({}, {"PixelAspectRatio": 2.0}):
        pixels = np.full((1, 1, 3), 0.5, np.float32)
        source = source_of(write_image("a.exr", pixels, attributes=attributes))
        read = source.read(1)
        assert read.pixels.shape == (1, 2 if attributes else 1, 3)
        np.testing.assert_array_equal(read.pixels, 0.5)


def test_read_ahead_keeps_the_order_asked_for(shot: Path) -> None:
    source = source_of(shot)
    for frames in ([3, 1, 12, 5], [], list(range(1, 13))):
        ahead = list(source.read_ahead(frames, depth=3, threads=3))
        assert [read.frame for read in ahead] == frames
        for read in ahead:
            np.testing.assert_array_equal(read.pixels, source.read(read.frame).pixels)
    assert len(list(source.read_ahead(source.frames, depth=1, threads=1))) == 12


def test_read_ahead_reads_no_further_than_its_depth(shot: Path) -> None:
    source = source_of(shot)
    taken: list[int] = []

    def frames() -> Any:
        for frame in source.frames:
            taken.append(frame)
            yield frame

    ahead = source.read_ahead(frames(), depth=3, threads=2)
    assert not taken
    for count in range(1, 6):
        assert next(ahead).frame == count
        assert len(taken) == count + 2
    ahead.close()
    assert len(taken) == 7


def test_error_surfaces_at_its_frame(shot: Path) -> None:
    source = source_of(shot)
    broken = shot.parent / "a.0003.exr"
    broken.write_bytes(broken.read_bytes()[:400])
    ahead = source.read_ahead(source.frames, depth=6, threads=2)
    assert [next(ahead).frame, next(ahead).frame] == [1, 2]
    with pytest.raises(FrameReadError, match="frame 3"):
        next(ahead)
    assert reading_threads() == []


def reading_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("read-ahead")]


def test_abandoned_read_ahead_leaves_no_thread(shot: Path) -> None:
    ahead = source_of(shot).read_ahead(range(1, 13), depth=4, threads=2)
    next(ahead)
    assert reading_threads()
    ahead.close()
    del ahead
    for _ in range(100):
        if not reading_threads():
            break
        time.sleep(0.01)
    assert reading_threads() == []
