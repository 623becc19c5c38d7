"""``session.json``: what is written is read, and what anybody wrote is distrusted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.errors import SessionError, VimatteError
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.window import Window
from vimatte.session.roots import RootedPath, map_prefix, parse_path_map, resolve
from vimatte.session.session_file import Instance, SessionFile
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot

FILE = SessionFile(
    Shot(
        "/shots/sh010/plate.####.exr",
        frames=FrameRange.parse("1001-1010"),
        colorspace="ACEScg",
        exposure=0.5,
        view="left",
        roi=Window(1, 2, 30, 40),
    ),
    "masks",
    {"masks": Path("/shots/sh010/masks")},
    Settings(segment=24, order=("b", "a")),
    (Instance(1, "a", (1.0, 0.5, 0.0)), Instance(2, "b", (0.0, 0.0, 1.0), False, 2)),
    (1005,),
)


def edited(path: Path, **changes: Any) -> Path:
    FILE.write(path)
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps(data))
    return path


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    FILE.write(path)
    found = SessionFile.read(path)
    assert found == SessionFile(
        Shot(**{**FILE.shot.__dict__, "path": Path("/shots/sh010/plate.####.exr")}),
        FILE.guidance,
        FILE.folders,
        FILE.settings,
        FILE.instances,
        FILE.cuts,
    )
    assert [p.name for p in tmp_path.iterdir()] == ["session.json"]


def test_offsets_are_kept_and_absent_ones_are_none(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    FILE.write(path)
    assert "offsets" not in json.loads(path.read_text())
    assert SessionFile.read(path).offsets == {}
    replace(FILE, offsets={"masks": 0}).write(path)
    assert SessionFile.read(path).offsets == {"masks": 0}


def test_roots_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    FILE.write(path)
    found = SessionFile.read(path, {"/shots": "/mnt/farm"})
    assert str(found.shot.path) == "/mnt/farm/sh010/plate.####.exr"
    assert found.folders["masks"] == Path("/mnt/farm/sh010/masks")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema 2"),
        ({"plate": {"root": "plate", "path": "../../etc/passwd"}}, "leaves its root"),
        ({"plate": {"root": "plate", "path": "/etc/passwd"}}, "leaves its root"),
        ({"plate": {"root": "home", "path": "x"}}, "unknown root"),
        ({"roots": {"plate": "S:\\shots", "masks": "/m"}}, "Windows path is not mapped"),
        ({"roots": {"plate": "relative", "masks": "/m"}}, "not absolute"),
        ({"frames": "1-x"}, "1-x"),
        ({"exposure": "loud"}, "wrong value"),
        ({"instances": [{"id": 1}]}, "wrong value"),
        (
            {"instances": [{"id": 0, "name": "a", "colour": [0, 0, 0], "enabled": 1, "order": 1}]},
            "id",
        ),
        ({"offsets": {"garbage": 1}}, "offset for no folder"),
        ({"offsets": {"masks": True}}, "whole number"),
        ({"offsets": {"masks": 10**12}}, "whole number"),
        ({"offsets": [1]}, "wrong value"),
        ({"folders": {"evil": {"root": "plate", "path": "x"}}}, "unknown folder"),
    ],
)
def test_bad_files_are_one_clear_line(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = edited(tmp_path / "session.json", **changes)
    with pytest.raises(VimatteError, match=message) as info:
        SessionFile.read(path)
    assert "\n" not in str(info.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000])
def test_not_a_session(tmp_path: Path, text: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(text)
    with pytest.raises(SessionError):
        SessionFile.read(path)


def test_duplicate_names_and_ids_are_refused(tmp_path: Path) -> None:
    row = {"id": 1, "name": "a", "colour": [0, 0, 0], "enabled": True, "order": 1}
    for second in (
        {**row, "id": 2, "name": "A"},
        {**row, "name": "b"},
        {**row, "id": 3, "name": "../x"},
    ):
        path = edited(tmp_path / "session.json", instances=[row, second])
        with pytest.raises(VimatteError):
            SessionFile.read(path)


def test_path_rules() -> None:
    assert parse_path_map(["S:\\=/mnt/s", "/a=/b"]) == {"S:\\": "/mnt/s", "/a": "/b"}
    for rule in ("x", "=y", "x="):
        with pytest.raises(SessionError, match="path rule"):
            parse_path_map([rule])
    assert map_prefix("S:\\shots\\a", {"s:/": "/mnt/s"}) == "/mnt/s/shots/a"
    assert map_prefix("/shots2/a", {"/shots": "/x"}) == "/shots2/a"
    assert map_prefix("/shots/a/b", {"/shots": "/x", "/shots/a": "/y"}) == "/y/b"


@given(st.text(max_size=40))
def test_no_relative_path_leaves_its_root(text: str) -> None:
    try:
        found = resolve(RootedPath("r", text), {"r": "/root"}, {})
    except SessionError:
        return
    assert found == Path("/root") or Path("/root") in found.parents
    assert ".." not in found.parts
