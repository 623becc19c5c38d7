"""Masks as layers and parts of EXR files: names, channels, windows, and what is not used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mask_support import (
    ALL,
    FRAMES,
    block,
    read,
    said,
    write_parts,
)

from vimatte.errors import GuidanceError
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance

__all__ = ["read"]


def test_parts_with_their_own_windows_and_channel_names(read, tmp_path: Path) -> None:
    names = [["A"], ["Y"], ["R", "G", "B", "A"], ["dora.A"], ["red", "green", "blue", "alpha"]]
    parts = [
        (name, channels, Window(2 + at, 3, 5 + at, 6))
        for at, (name, channels) in enumerate(zip("abcde", names, strict=True))
    ]
    others = (("depth", ["Z"]), ("rgba", ["R", "G", "B", "A"]), ("diffuse", ["R", "G", "B"]))
    parts += [(name, channels, Window(0, 0, 9, 9)) for name, channels in others]
    for frame in FRAMES:
        write_parts(tmp_path / "m" / f"m.{frame}.exr", parts)
    result = read(tmp_path / "m")
    masks = load_guidance(result.store, 1001).masks
    found = {info.name: masks[info.id].window for info in result.instances}
    assert found == {
        name: Window(2 + at, 3, 5 + at, 6) for at, name in enumerate(["a", "b", "c", "dora", "e"])
    }
    for name in ("depth", "R/G/B/A", "diffuse"):
        assert name in said(result, "mask-layers-unused")


def test_a_part_of_another_size_is_named(read, tmp_path: Path, write_image) -> None:
    for frame in FRAMES:
        write_image(tmp_path / "m" / f"m.{frame}.exr", np.ones((9, 9, 1)), names=["anna.A"])
    with pytest.raises(GuidanceError, match=r"the layer anna is 9x9, expected 48x32"):
        read(tmp_path / "m")


def test_two_channels_of_one_name_are_said(read, tmp_path: Path) -> None:
    window = Window(0, 0, 9, 9)
    for frame in FRAMES:
        path = tmp_path / "m" / f"m.{frame}.exr"
        write_parts(path, [("left", ["anna.A"], window), ("right", ["anna.A"], window)])
    result = read(tmp_path / "m")
    assert [info.name for info in result.instances] == ["anna", "right.anna"]


def test_own_layers_with_colour_and_digits_are_instances(read, tmp_path: Path, write_image) -> None:
    """``person01.R/G/B/A`` is what --foreground writes, and no Cryptomatte."""
    names = [f"person01.{c}" for c in "RGBA"] + [f"CryptoObject00.{c}" for c in "RGBA"]
    planes = np.dstack([block(2, 2) / 255] * 8)
    for frame in FRAMES:
        write_image(tmp_path / "m" / f"m.{frame}.exr", planes, names=names)
    result = read(tmp_path / "m")
    assert [info.name for info in result.instances] == ["person01"]
    assert "CryptoObject00" in said(result, "mask-layers-unused")


def test_object_numbers_are_no_mask(read, tmp_path: Path) -> None:
    for frame in FRAMES:
        path = tmp_path / "m" / f"m.{frame}.exr"
        write_parts(path, [("ids", ["A"], Window(0, 0, 9, 9))], "uint")
    with pytest.raises(GuidanceError, match=r"no mask layer: they hold .*object numbers"):
        read(tmp_path / "m")


def test_a_lone_channel_is_one_instance(read, tmp_path: Path, write_image) -> None:
    for frame in FRAMES:
        pixels = (block(2, 2) / 255)[:, :, None]
        write_image(tmp_path / "m" / f"m.{frame}.exr", pixels, names=["A"])
    assert [info.name for info in read(tmp_path / "m").instances] == ["object01"]


def test_a_file_with_layers_in_a_folder(read, tmp_path: Path, write_image) -> None:
    """The unnamed layer is the mask; without it, it cannot be told which is."""
    planes = np.dstack([block(2, 2) / 255, block(24, 6) / 255, block(24, 6) / 255])
    for frame in FRAMES:
        names = ["A", "other.A", "third.A"]
        write_image(tmp_path / "m" / "anna" / f"m.{frame}.exr", planes, names=names)
    result = read(tmp_path / "m")
    assert load_guidance(result.store, 1001).masks[1].window == ALL
    assert "other, third" in said(result, "mask-layers-unused")
    for frame in FRAMES:
        names = ["a.A", "other.A", "third.A"]
        write_image(tmp_path / "m" / "anna" / f"m.{frame}.exr", planes, names=names)
    with pytest.raises(GuidanceError, match="several layers"):
        read(tmp_path / "m")


def test_an_exr_in_which_nothing_was_drawn_is_an_empty_mask(read, tmp_path: Path) -> None:
    window = Window(2, 2, 10, 10)
    for frame in FRAMES:
        write_parts(tmp_path / "m" / "anna" / f"m.{frame}.exr", [("", ["A"], window)])
    path = tmp_path / "m" / "anna" / "m.1002.exr"
    data = path.read_bytes()
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    path.write_bytes(data[:at] + np.array([0, 0, -1, -1], "<i4").tobytes() + data[at + 16 :])
    result = read(tmp_path / "m")
    assert load_guidance(result.store, 1002).masks == {}
    assert load_guidance(result.store, 1003).masks[1].window == window
