from __future__ import annotations

import json
import multiprocessing
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vimatte.errors import ConfigError, OutputError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.types import FrameHeader
from vimatte.frames.window import Window
from vimatte.output.exr_file import read_layers
from vimatte.output.publish import Publisher
from vimatte.output.verify import verify

Alphas = dict[str, np.ndarray]
FRAMES = FrameRange.parse("1001-1003")


@dataclass(frozen=True)
class Named:
    id: int
    name: str
    colour: tuple[float, float, float] = (0.1, 0.5, 1.0)


def publisher(out: Path, fingerprint: str = "f", **more: Any) -> Publisher:
    rows = [Named(1, "person01"), Named(2, "person02")]
    extra = {"vimatte/model": "m", "vimatte/instances": '["person01"]'}
    return Publisher.open(out, "sh010", FRAMES, rows, fingerprint, extra, **more)


def stamps(folder: Path) -> dict[Path, tuple[int, int]]:
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def complete(tmp_path: Path, header: FrameHeader, alphas: Alphas) -> Publisher:
    target = publisher(tmp_path)
    for frame in FRAMES:
        target.write(frame, header, alphas)
    return target


def test_a_version_is_filled(tmp_path: Path, header: FrameHeader, alphas: Alphas) -> None:
    target = publisher(tmp_path)
    assert target.folder == tmp_path / "v001"
    assert target.version == 1
    assert not target.complete
    target.write(1002, header, alphas)
    assert [target.done(frame) for frame in FRAMES] == [False, True, False]
    target.write(1001, header, {})
    target.write(1003, header, {"person02": alphas["person02"]})
    assert target.complete
    assert list(verify(target.folder, FRAMES)) == []
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert files == [
        *(f"v001/exr/sh010.{n}.exr" for n in FRAMES),
        *(f"v001/records/{n}.json" for n in FRAMES),
        "v001/version.json",
    ]
    schemas = {tuple(read_layers(target.exr(frame))[0]) for frame in FRAMES}
    assert schemas == {("R", "G", "B", "A", "person01.A", "person02.A")}
    _, found, attributes = read_layers(target.exr(1003))
    assert found.data_window == header.data_window
    assert attributes["vimatte/model"] == "m"
    assert json.loads(attributes["vimatte/instances"]) == ["person01"]


def test_what_is_done_is_never_written_again(
    complete: Publisher, tmp_path: Path, header: FrameHeader, alphas: Alphas
) -> None:
    before = stamps(tmp_path)
    again = publisher(tmp_path)
    assert again.folder == complete.folder
    assert again.complete
    for frame in FRAMES:
        again.write(frame, header, {name: alpha * 0.5 for name, alpha in alphas.items()})
    assert stamps(tmp_path) == before


def test_another_making_is_another_version(complete: Publisher, tmp_path: Path) -> None:
    before = stamps(tmp_path)
    other = publisher(tmp_path, "another")
    assert other.folder.name == "v002"
    assert not other.done(1001)
    # a task of the first job that starts late finds its own version again
    assert publisher(tmp_path).folder == complete.folder
    assert {p: s for p, s in stamps(tmp_path).items() if p in before} == before


@pytest.mark.parametrize("damage", ["exr", "record", "gone", "empty record", "no record"])
def test_an_unfinished_frame_is_written_again(
    complete: Publisher, header: FrameHeader, alphas: Alphas, damage: str
) -> None:
    exr, record = complete.exr(1002), complete.folder / "records" / "1002.json"
    whole = exr.read_bytes()
    if damage == "exr":
        exr.write_bytes(whole[:200])
    elif damage == "gone":
        exr.unlink()
    elif damage == "no record":
        record.unlink()
    else:
        record.write_text("{}" if damage == "empty record" else "{")
    assert [complete.done(frame) for frame in FRAMES] == [True, False, True]
    complete.write(1002, header, alphas)
    assert complete.complete
    assert exr.read_bytes() == whole


def test_all_that_can_be_asked_for(tmp_path: Path, header: FrameHeader, alphas: Alphas) -> None:
    target = publisher(
        tmp_path, vse=True, preview=True, foreground=True, cutout=True, cryptomatte=True
    )
    colour = np.full((12, 20, 3), 0.25, np.float32)
    picture = np.zeros((8, 8, 3), np.uint8)
    target.write(
        1001, header, {"person01": alphas["person01"]},
        foregrounds={"person01": colour}, picture=picture,
    )  # fmt: skip
    assert target.done(1001)
    layers, _, _ = read_layers(target.exr(1001))
    assert (layers["person01.G"] == 0.25).all()
    assert not layers["person02.G"].any()
    strip, _, _ = read_layers(target.folder / "vse" / "person01" / "1001.exr")
    np.testing.assert_array_equal(strip["G"][2:14], layers["person01.A"][:, 3:19])
    absent, _, _ = read_layers(target.folder / "vse" / "person02" / "1001.exr")
    assert not absent["A"].any()
    cutout, _, _ = read_layers(target.folder / "cutout" / "person01" / "1001.exr")
    assert list(cutout) == ["R", "G", "B", "A"]
    assert (cutout["R"][2:14] == 0.25).all()
    np.testing.assert_array_equal(cutout["A"][2:14], layers["person01.A"][:, 3:19])
    absent, _, _ = read_layers(target.folder / "cutout" / "person02" / "1001.exr")
    assert not absent["R"].any()
    ids, found, _ = read_layers(target.folder / "cryptomatte" / "sh010.1001.exr", single=True)
    assert found.data_window == header.data_window
    np.testing.assert_array_equal(ids["VideoInstanceMatte00.G"], layers["person01.A"])
    assert list(verify(target.folder, FrameRange.of([1001]))) == []
    preview = target.folder / "preview" / "1001.png"
    assert preview.read_bytes().startswith(b"\x89PNG")
    preview.unlink()
    assert not target.done(1001)
    with pytest.raises(OutputError, match="picture"):
        target.write(1002, header, alphas, foregrounds={})
    with pytest.raises(OutputError, match="colours"):
        target.write(1002, header, alphas, picture=picture)


def test_what_is_not_this_versions_is_refused(
    tmp_path: Path, header: FrameHeader, alphas: Alphas
) -> None:
    target = publisher(tmp_path)
    with pytest.raises(OutputError, match="none of this version"):
        target.write(1004, header, alphas)
    with pytest.raises(OutputError, match="no instance 'bob'"):
        target.write(1001, header, {"bob": alphas["person01"]})
    with pytest.raises(OutputError, match="20x12, not 10x12"):
        target.write(1001, FrameHeader(Window(0, 0, 10, 12), Window(0, 0, 10, 12)), alphas)
    assert [p.name for p in target.folder.iterdir()] == ["version.json"]


def test_empty_windows_and_nobody_at_all(tmp_path: Path) -> None:
    empty = FrameHeader(Window(0, 0, 0, 0), Window(0, 0, 16, 9))
    target = Publisher.open(tmp_path, "sh010", FRAMES, [], "f", {}, vse=True)
    for frame in FRAMES:
        target.write(frame, empty, {})
    assert target.complete
    assert list(verify(target.folder, FRAMES)) == []
    assert list(read_layers(target.exr(1001))[0]) == ["R", "G", "B", "A"]


def test_untrusted_names_stay_inside(tmp_path: Path, header: FrameHeader) -> None:
    out = tmp_path / "out"
    target = Publisher.open(out, "../../evil/..\\x", FRAMES, [], "f", {})
    target.write(1001, header, {})
    with pytest.raises(ConfigError, match="not allowed"):
        Publisher.open(out, "a", FRAMES, [Named(1, "../../x")], "f", {}, vse=True)
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert target.exr(1001).is_relative_to(out / "v001" / "exr")


def test_an_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as info:
        publisher(tmp_path / "file" / "out")
    assert info.value.hint


def test_leftovers_of_killed_runs_are_tidied_after_a_while(complete: Publisher) -> None:
    old = complete.folder / "exr" / ".sh010.1001.exr.1234-0123456789abcdef.tmp"
    new = complete.folder / "exr" / ".sh010.1002.exr.1234-0123456789abcdef.tmp"
    for path in (old, new):
        path.write_text("half a file")
    os.utime(old, (1, 1))
    publisher(complete.folder.parent)
    assert not old.exists()
    assert new.exists()


def _write_all(out: str, seed: int) -> None:
    header = FrameHeader(Window(0, 0, 30, 20), Window(0, 0, 30, 20))
    target = publisher(Path(out), vse=True)
    frames = list(FRAMES)
    random.Random(seed).shuffle(frames)
    while True:
        for frame in frames:
            alpha = np.full((20, 30), frame / 2000, np.float32)
            target.write(frame, header, {"person01": alpha})
        if seed < 2:
            return
        for path in target.folder.rglob("*.exr"):  # the next one is killed while it writes
            path.unlink()


def test_processes_share_a_version_and_a_killed_one_harms_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    killed = context.Process(target=_write_all, args=(str(tmp_path), 2))
    killed.start()
    while not list(tmp_path.rglob("*.exr")):
        assert killed.is_alive()
        time.sleep(0.01)
    killed.kill()
    killed.join(60)
    workers = [context.Process(target=_write_all, args=(str(tmp_path), n)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    target = publisher(tmp_path, vse=True)
    assert target.complete
    assert list(verify(target.folder, FRAMES)) == []
    assert [p.name for p in tmp_path.iterdir()] == ["v001"]
