"""Damaged EXR files: read, or refused with one clear error; no crash, no huge allocation."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vimatte.errors import VimatteError
from vimatte.frames.open_plate import open_plate

WIDTH, HEIGHT = 24, 16


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("exr") / "whole.1.exr"
    rng = np.random.default_rng(0)
    image = oiio.ImageBuf(rng.random((HEIGHT, WIDTH, 3), dtype=np.float32))
    assert image.write(str(path), oiio.HALF)
    return path.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(autouse=True)
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 30), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


CHANGES = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6)
QUICK = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def read(folder: Path, data: bytes) -> None:
    """Read the frame; whatever comes back is of a sane size and without NaN where it is used."""
    path = folder / "plate.1.exr"
    path.write_bytes(data)
    try:
        plate = open_plate(folder / "plate.#.exr")
        try:
            frame = plate.read(1)
        finally:
            plate.close()
    except VimatteError as error:
        assert "\n" not in str(error)
        return
    assert frame.pixels.shape[:2] == frame.header.data_window.shape
    assert frame.pixels.size < 1 << 28


@QUICK
@given(changes=CHANGES)
def test_changed_bytes(whole: bytes, folder: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for offset, value in changes:
        data[offset % len(data)] = value
    read(folder, bytes(data))


@QUICK
@given(changes=CHANGES)
def test_changed_headers(whole: bytes, folder: Path, changes: list[tuple[int, int]]) -> None:
    """Most of a file is pixels: the first bytes are where sizes and names lie."""
    data = bytearray(whole)
    for offset, value in changes:
        data[8 + offset % 320] = value
    read(folder, bytes(data))


@QUICK
@given(length=st.integers(0, 5000))
def test_cut_files(whole: bytes, folder: Path, length: int) -> None:
    read(folder, whole[: length % len(whole)])


@QUICK
@given(data=st.binary(max_size=600))
def test_anything(folder: Path, data: bytes) -> None:
    read(folder, b"\x76\x2f\x31\x01\x02\x00\x00\x00" + data)
