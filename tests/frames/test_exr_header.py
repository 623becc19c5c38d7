from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vimatte.frames.exr_header import read_empty_header
from vimatte.frames.window import Window


def with_box(content: bytes, box: tuple[int, int, int, int]) -> bytes:
    mark = b"dataWindow\0box2i\0"
    at = content.index(mark) + len(mark) + 4
    return content[:at] + struct.pack("<4i", *box) + content[at + 16 :]


@pytest.fixture
def exr(write_image: Callable[..., Path], ramp: Callable[..., Any]) -> Path:
    options = {"display": (1, 2, 6, 4), "attributes": {"PixelAspectRatio": 1.5, "owner": "x"}}
    return write_image("a.exr", ramp(4, 6), **options)


@pytest.mark.parametrize("box", [(0, 0, -1, -1), (3, 4, 2, 9), (3, 4, 9, 3)])
def test_empty_windows(exr: Path, box: tuple[int, int, int, int]) -> None:
    exr.write_bytes(with_box(exr.read_bytes(), box))
    header = read_empty_header(exr)
    assert header is not None
    assert header.data_window == Window(box[0], box[1], 0, 0)
    assert header.display_window == Window(1, 2, 6, 4)
    assert header.pixel_aspect == 1.5


def test_everything_else_is_left_to_the_library(exr: Path, tmp_path: Path) -> None:
    content = exr.read_bytes()
    assert read_empty_header(exr) is None
    assert read_empty_header(tmp_path / "missing.exr") is None
    other = tmp_path / "b.exr"
    empty = with_box(content, (0, 0, -1, -1))
    end = empty.index(b"screenWindowWidth")
    for length in range(0, end, 3):
        other.write_bytes(empty[:length])
        header = read_empty_header(other)
        assert header is None or header.data_window.empty
    for damaged in (
        b"PNG" + empty,
        empty[:4] + struct.pack("<I", 0x1002) + empty[8:],
        empty.replace(b"dataWindow\0box2i", b"dataWindow\0floaX"),
        empty.replace(b"displayWindow\0box2i\0" + struct.pack("<i", 16),
                      b"displayWindow\0box2i\0" + struct.pack("<i", -5)),
        b"\x76\x2f\x31\x01" + bytes([2, 0, 0, 0]) + b"x" * 2000,
    ):  # fmt: skip
        other.write_bytes(damaged)
        assert read_empty_header(other) is None
