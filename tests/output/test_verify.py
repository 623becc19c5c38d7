from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimatte.errors import VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader, InstanceMask
from vimatte.frames.window import Window
from vimatte.output.cryptomatte import layer_channels, rank
from vimatte.output.exr_file import write_exr
from vimatte.output.exr_layers import channel_names, round_alphas
from vimatte.output.publish import Publisher
from vimatte.output.records import digest
from vimatte.output.verify import EmptyMattes, verify

Alphas = dict[str, np.ndarray]
FRAMES = FrameRange.parse("1001-1003")
NAMES = channel_names(["person01", "person02"])


@pytest.fixture
def target(tmp_path: Path, rows: list[Any], header: FrameHeader, alphas: Alphas) -> Publisher:
    made = Publisher.open(tmp_path, "sh010", FRAMES, rows, "f", {}, vse=True)
    for frame in FRAMES:
        made.write(frame, header, alphas)
    return made


def lines(target: Publisher, frames: str = "1001-1003") -> list[str]:
    return list(verify(target.folder, FrameRange.parse(frames)))


def forge(target: Publisher, header: FrameHeader, pixels: np.ndarray, names: list[str]) -> None:
    """Put another file in a frame's place, with a record that agrees with it."""
    path = target.exr(1001)
    write_exr(path, pixels.astype(np.float16), names, header)
    record = target.folder / "records" / "1001.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps(known | {"exr/sh010.1001.exr": digest(path)}))


def test_nothing_is_wrong(target: Publisher) -> None:
    assert lines(target) == []


def test_damage_is_found_frame_by_frame(target: Publisher) -> None:
    exr = target.exr(1002)
    exr.write_bytes(exr.read_bytes()[:200])
    (target.folder / "vse" / "person02" / "1003.exr").unlink()
    (target.folder / "records" / "1001.json").unlink()
    found = lines(target)
    assert [line.split(":")[0] for line in found] == ["frame 1001", "frame 1002", "frame 1003"]
    assert "missing" in found[0]
    assert "checksum" in found[1]
    assert "person02" in found[2]


def test_a_frame_outside_the_version(target: Publisher) -> None:
    assert "not one of this version" in " ".join(lines(target, "1004"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [(0.75, "sum to 1.5"), (1.5, "not between"), (-0.5, "not between"), (np.nan, "not between"),
     (0.25, "R, G, B, A is not the sum")],
)  # fmt: skip
def test_pixels_are_checked_not_only_checksums(
    target: Publisher, header: FrameHeader, value: float, reason: str
) -> None:
    forge(target, header, np.full((12, 20, 6), value), NAMES)
    assert reason in " ".join(lines(target, "1001"))


def test_the_smallest_step_above_one_is_found(target: Publisher, header: FrameHeader) -> None:
    pixels = np.zeros((12, 20, 6))
    pixels[..., :4] = pixels[..., 4] = 1
    pixels[3, 4, 5] = 2.0**-24  # in 32-bit floats the sum is 1
    forge(target, header, pixels, NAMES)
    assert "sum to 1.0" in " ".join(lines(target, "1001"))


def test_other_channels(target: Publisher, header: FrameHeader) -> None:
    forge(target, header, np.zeros((12, 20, 5)), NAMES[:5])
    assert "other channels" in " ".join(lines(target, "1001"))


def test_a_file_that_is_no_picture(target: Publisher) -> None:
    path, record = target.exr(1001), target.folder / "records" / "1001.json"
    path.write_text("hello")
    known = json.loads(record.read_text())
    record.write_text(json.dumps(known | {"exr/sh010.1001.exr": digest(path)}))
    assert "cannot read" in " ".join(lines(target, "1001"))


def test_a_record_decides_nothing_about_files_elsewhere(target: Publisher) -> None:
    record = target.folder / "records" / "1001.json"
    for text in ('{"../../secret": "x"}', "[]", "3", "{", '{"exr/sh010.1001.exr": 5}'):
        record.write_text(text)
        assert lines(target, "1001")
        assert "secret" not in " ".join(lines(target, "1001"))


@pytest.mark.parametrize("compression", ["piz", "dwaa"])
def test_every_compression_verifies(
    tmp_path: Path, rows: list[Any], header: FrameHeader, alphas: Alphas, compression: str
) -> None:
    made = Publisher.open(
        tmp_path, "sh010", FRAMES, rows, "f", {}, compression=compression, foreground=True
    )
    colours = {name: np.repeat(a[..., None], 3, axis=2) for name, a in alphas.items()}
    made.write(1001, header, alphas, foregrounds=colours)
    assert lines(made, "1001") == []


@pytest.mark.parametrize(
    ("channel", "value", "said"),
    [(0, 1.5, "no instance's"), (1, 1.0, "sum to more"), (1, np.nan, "not between")],
)
def test_a_wrong_cryptomatte(
    tmp_path: Path, rows: list[Any], header: FrameHeader, alphas: Alphas,
    channel: int, value: float, said: str,
) -> None:  # fmt: skip
    made = Publisher.open(tmp_path, "sh010", FRAMES, rows, "f", {}, cryptomatte=True)
    made.write(1001, header, alphas)
    assert lines(made, "1001") == []
    path = made.folder / "cryptomatte" / "sh010.1001.exr"
    names = layer_channels(2)
    pixels = rank((12, 20), ["person01", "person02"], round_alphas((12, 20), alphas).alphas)
    pixels[3, 4, channel] = value
    write_exr(path, pixels, names, header)
    record = made.folder / "records" / "1001.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps(known | {"cryptomatte/sh010.1001.exr": digest(path)}))
    assert [said in line for line in lines(made, "1001")] == [True]


def test_not_a_version(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="not a published version"):
        list(verify(tmp_path, FRAMES))


def test_mattes_that_are_empty_where_their_mask_is_not(
    tmp_path: Path, rows: list[Any], header: FrameHeader, alphas: Alphas
) -> None:
    made = Publisher.open(tmp_path, "sh010", FRAMES, rows, "f", {})
    for frame in FRAMES:
        wanted = dict(alphas)
        if frame >= 1002:
            wanted["person02"] = np.zeros_like(alphas["person02"])
        made.write(frame, header, wanted)
    whole = InstanceMask(Window(-3, 2, 20, 12), np.ones((12, 20), bool))
    part = InstanceMask(Window(-3, 2, 10, 8), np.ones((8, 10), bool))
    masks = {
        1001: {"person01": whole, "person02": whole},
        1002: {"person02": part},
        1003: {"person02": whole},
    }
    empty = EmptyMattes(masks.__getitem__, lambda _: 240)
    assert list(verify(made.folder, FRAMES, empty)) == []
    assert empty.lines == [
        "frames 1002-1003: the matte of person02 is empty, its mask has up to 240 pixels"
    ]
    # A file that is wrong already is not compared: its mattes say nothing.
    made.exr(1003).write_bytes(b"")
    empty = EmptyMattes(masks.__getitem__, lambda _: 240)
    assert len(list(verify(made.folder, FRAMES, empty))) == 1
    assert empty.lines == ["frame 1002: the matte of person02 is empty, its mask has 80 pixels"]
    # In a large picture such a mask is a speck, which may be lost.
    empty = EmptyMattes(masks.__getitem__, lambda _: 1920 * 1080)
    assert len(list(verify(made.folder, FRAMES, empty))) == 1
    assert empty.lines == []
