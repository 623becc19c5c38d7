"""What is published: half floats, names, the layered EXR, versions, verification, QC numbers."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vimatte.errors import ConfigError, OutputError, VerifyError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_layers import channel_names, read_layers, stack_layers, write_exr
from vimatte.output.half import to_half_floor
from vimatte.output.names import check_names, safe_stem
from vimatte.output.publish import Publisher, latest_version, number, verify
from vimatte.output.qc_statistics import Statistics

HEADER = FrameHeader(Window(-3, 2, 20, 12), Window(0, 0, 16, 16), 2.0, {"camera": "A", "fps": 24})
FRAMES = FrameRange.parse("1001-1003")


@dataclass(frozen=True)
class Row:
    id: int
    name: str
    colour: tuple[float, float, float] = (1.0, 0.0, 0.0)


ROWS = [Row(1, "person01"), Row(2, "person02")]


@given(arrays(np.float32, 30, elements=st.floats(-70000, 70000, width=32)))
def test_half_floor_is_the_nearest_half_towards_zero(values: np.ndarray) -> None:
    values = np.clip(values, -65504, 65504)
    half = to_half_floor(values)
    back = half.astype(np.float32)
    assert (np.abs(back) <= np.abs(values)).all()
    following = (np.abs(half).view(np.uint16) + 1).view(np.float16).astype(np.float32)
    assert (following > np.abs(values)).all()


def test_half_floor_keeps_what_is_exact() -> None:
    exact = np.arange(0, 2049, dtype=np.float32) / 2048
    np.testing.assert_array_equal(to_half_floor(exact).astype(np.float32), exact)


@pytest.mark.parametrize("names", [["person01", "Car_2"], ["a"], ["A" * 24]])
def test_good_names(names: list[str]) -> None:
    check_names(names)


@pytest.mark.parametrize(
    "names",
    [
        ["1person"], [""], ["a b"], ["a.b"], ["../x"], ["A" * 25], ["é"], ["a\n"], ["RGBA"],
        ["con"], ["Depth"], ["LPT1"], ["bob", "Bob"], ["left"],
    ],
)  # fmt: skip
def test_bad_names(names: list[str]) -> None:
    with pytest.raises(OutputError):
        check_names(names, views=["left", "right"])


@given(st.text(max_size=150))
def test_stems_are_safe(text: str) -> None:
    stem = safe_stem(text)
    assert stem
    assert Path(stem).name == stem
    assert "." not in stem


def random_alphas(count: int = 2, shape: tuple[int, int] = (12, 20)) -> dict[str, np.ndarray]:
    raw = np.random.default_rng(0).random((count, *shape)).astype(np.float32)
    raw /= np.maximum(raw.sum(axis=0), 1)
    return {f"person{i + 1:02d}": raw[i] for i in range(count)}


def test_layers_are_constant_and_sum_to_at_most_one() -> None:
    alphas = random_alphas()
    pixels = stack_layers((12, 20), ["person01", "person02"], alphas)
    assert pixels.shape == (12, 20, 6)
    total = pixels[..., 4].astype(np.float32) + pixels[..., 5].astype(np.float32)
    assert total.max() <= 1
    np.testing.assert_array_equal(pixels[..., 3], to_half_floor(total))
    only = stack_layers((12, 20), ["person01", "person02"], {"person02": alphas["person02"]})
    assert only.shape == pixels.shape
    assert not only[..., 4].any()


def test_foreground_channels() -> None:
    assert channel_names(["a"], True) == ["R", "G", "B", "A", "a.R", "a.G", "a.B", "a.A"]
    colour = np.full((12, 20, 3), 70000, np.float32)
    pixels = stack_layers((12, 20), ["person01"], random_alphas(1), {"person01": colour})
    assert np.isfinite(pixels).all()


def test_exr_keeps_windows_aspect_and_metadata(tmp_path: Path) -> None:
    path = tmp_path / "m.exr"
    pixels = stack_layers((12, 20), ["person01", "person02"], random_alphas())
    names = channel_names(["person01", "person02"])
    write_exr(path, pixels, names, HEADER, extra={"vimatte/model": "x"})
    channels, header, attributes = read_layers(path)
    assert sorted(channels) == sorted(names)
    np.testing.assert_array_equal(channels["person02.A"], pixels[..., 5])
    assert header.data_window == HEADER.data_window
    assert header.display_window == HEADER.display_window
    assert header.pixel_aspect == 2.0
    assert attributes["camera"] == "A"
    assert attributes["vimatte/model"] == "x"
    assert [p.name for p in tmp_path.iterdir()] == ["m.exr"]


def test_an_empty_data_window_gets_one_black_pixel(tmp_path: Path) -> None:
    path = tmp_path / "m.exr"
    empty = FrameHeader(Window(5, 6, 0, 0), Window(0, 0, 16, 16))
    write_exr(path, np.zeros((0, 0, 4), np.float16), "RGBA", empty)
    channels, header, _ = read_layers(path)
    assert header.data_window == Window(5, 6, 1, 1)
    assert channels["A"][0, 0] == 0


def publisher(out: Path, fingerprint: str = "f", **more: object) -> Publisher:
    return Publisher.open(out, "sh010", FRAMES, ROWS, fingerprint, {"vimatte/model": "m"}, **more)  # type: ignore[arg-type]


def fill(target: Publisher) -> None:
    for frame in FRAMES:
        target.write(frame, HEADER, random_alphas())


def test_a_version_is_continued_and_never_overwritten(tmp_path: Path) -> None:
    first = publisher(tmp_path)
    assert first.folder.name == "v001"
    assert not first.done(1001)
    fill(first)
    again = publisher(tmp_path)
    assert again.folder == first.folder
    assert all(again.done(frame) for frame in FRAMES)
    assert list(verify(first.folder, FRAMES)) == []
    assert (first.folder / "exr" / "sh010.1001.exr").exists()
    other = publisher(tmp_path, "another")
    assert other.folder.name == "v002"
    assert latest_version(tmp_path) == other.folder
    assert all(again.done(frame) for frame in FRAMES)


def test_strips_for_the_sequencer(tmp_path: Path) -> None:
    target = publisher(tmp_path, vse=True)
    target.write(1001, HEADER, {"person01": random_alphas()["person01"]})
    channels, header, _ = read_layers(target.folder / "vse" / "person01" / "1001.exr")
    assert header.data_window == header.display_window == HEADER.display_window
    for name in "RGB":
        np.testing.assert_array_equal(channels[name], channels["A"])
    expected = to_half_floor(random_alphas()["person01"])[:, 3:19]
    np.testing.assert_array_equal(channels["A"][2:14], expected)
    absent, _, _ = read_layers(target.folder / "vse" / "person02" / "1001.exr")
    assert not absent["A"].any()


def test_verify_finds_what_is_wrong(tmp_path: Path) -> None:
    target = publisher(tmp_path)
    fill(target)
    exr = target.exr(1002)
    exr.write_bytes(exr.read_bytes()[:200])
    target.exr(1003).unlink()
    problems = list(verify(target.folder, FRAMES))
    assert len(problems) == 2
    assert "frame 1002" in problems[0]
    assert "frame 1003" in problems[1]
    assert not target.done(1002)
    target.write(1002, HEADER, random_alphas())
    assert target.done(1002)
    missing = list(verify(target.folder, FrameRange.parse("1001,1004")))
    assert missing == ["frame 1004: missing"]


def test_verify_checks_pixels_not_only_checksums(tmp_path: Path) -> None:
    target = publisher(tmp_path)
    target.write(1001, HEADER, random_alphas())
    names = channel_names(["person01", "person02"])
    pixels = np.full((12, 20, 6), 0.75, np.float16)
    write_exr(target.exr(1001), pixels, names, HEADER)
    record = target.folder / "records" / "1001.json"
    import hashlib

    mark = hashlib.sha256(target.exr(1001).read_bytes()).hexdigest()
    record.write_text(json.dumps({"exr/sh010.1001.exr": mark}))
    problems = " ".join(verify(target.folder, FrameRange.parse("1001")))
    assert "sum to 1.5" in problems
    write_exr(target.exr(1001), pixels[..., :4], names[:4], HEADER)
    mark = hashlib.sha256(target.exr(1001).read_bytes()).hexdigest()
    record.write_text(json.dumps({"exr/sh010.1001.exr": mark}))
    assert "other channels" in " ".join(verify(target.folder, FrameRange.parse("1001")))


def test_a_record_cannot_point_elsewhere(tmp_path: Path) -> None:
    target = publisher(tmp_path)
    target.write(1001, HEADER, random_alphas())
    (target.folder / "records" / "1001.json").write_text(json.dumps({"../../secret": "x"}))
    assert "elsewhere" in " ".join(verify(target.folder, FrameRange.parse("1001")))


def test_not_a_version(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="not a published version"):
        list(verify(tmp_path, FRAMES))


def test_unknown_compression_lists_the_known(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="zap") as info:
        publisher(tmp_path, compression="zap")
    assert "piz" in str(info.value)


def test_an_unwritable_folder(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OutputError) as info:
        publisher(blocked / "out")
    assert info.value.hint


def _fill_disk(root: str) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    target = publisher(Path(root), compression="none")
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    header = FrameHeader(Window(0, 0, 64, 64), Window(0, 0, 64, 64))
    try:
        target.write(1001, header, random_alphas(2, (64, 64)))
    except OutputError as error:
        os._exit(5 if error.frame == 1001 else 1)
    os._exit(0)


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_fill_disk, args=(str(tmp_path),))
    process.start()
    process.join(60)
    assert process.exitcode == 5
    assert list((tmp_path / "v001" / "exr").iterdir()) == []
    assert not publisher(tmp_path, compression="none").done(1001)


def _open_one(root: str) -> None:
    folder = publisher(Path(root)).folder
    (Path(root) / f"pid{os.getpid()}").write_text(folder.name)


def test_processes_that_begin_together_share_a_version(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_open_one, args=(str(tmp_path),)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert {p.read_text() for p in tmp_path.glob("pid*")} == {"v001"}


def test_frame_numbers_in_file_names() -> None:
    assert [number(n) for n in (7, 1001, 123456, -3)] == ["0007", "1001", "123456", "-0003"]


def test_plain_readers_see_a_plain_rgba(tmp_path: Path) -> None:
    target = publisher(tmp_path)
    target.write(1001, HEADER, random_alphas())
    image = oiio.ImageBuf(str(target.exr(1001)))
    assert image.spec().channelnames[:4] == ("R", "G", "B", "A")
    assert image.spec().format == oiio.HALF


def test_statistics_flag_the_jump_and_not_the_rest() -> None:
    statistics = Statistics({1: "a", 2: "b"})
    window = Window(0, 0, 40, 40)
    for frame in range(1, 31):
        alpha = np.zeros((40, 40), np.float32)
        alpha[5:35, 5 + frame % 2 : 30] = 1
        alphas = {1: (window, alpha)}
        if frame == 17:
            alphas = {1: (window, np.roll(alpha, 12, axis=0))}
        statistics.add(frame, 1600, alphas, cut=frame == 20)
    notes = statistics.notes()
    assert {note.frame for note in notes} == {17, 18}
    assert {note.instance for note in notes} == {"a"}
    assert np.isnan(statistics.series[1].change[19])
    assert statistics.series[2].coverage == [0.0] * 30


def test_statistics_flag_a_soft_inside() -> None:
    statistics = Statistics({1: "a"})
    statistics.add(1, 1600, {1: (Window(0, 0, 40, 40), np.full((40, 40), 0.5, np.float32))}, cut=False)
    assert "neither solid nor clear" in statistics.notes()[0].reason
