"""Every option is declared once, and reaches every door, or its row says why not."""

from __future__ import annotations

import argparse
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from vimatte.cli.main import build_parser
from vimatte.cli.option_arguments import flags_of, values_of
from vimatte.errors import ConfigError, SessionError
from vimatte.farm.template import FarmOptions, job_template
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.window import Window
from vimatte.matting.loop import DEFAULT_COUPLING
from vimatte.matting.regions import QUALITY
from vimatte.matting.steadying import DEFAULT_STEADINESS
from vimatte.models.registry import DEFAULT_MODEL
from vimatte.options import (
    DOORS,
    GUIDANCE,
    MACHINE,
    OUTPUTS,
    SETTINGS,
    SHOT,
    TABLES,
    Option,
    nearest,
    option,
)
from vimatte.session.new_session import OFFSETS
from vimatte.session.publishing import PublishOptions
from vimatte.session.session import MatteSession
from vimatte.session.session_file import SessionFile
from vimatte.session.settings import Settings
from vimatte.session.shot import Shot
from vimatte.worker.request import read_request

ROOT = Path(__file__).resolve().parents[1]
ROWS = [row for table in TABLES.values() for row in table]
# Another value of every row, as Python has it; a row without one fails the tests.
OTHER: dict[str, Any] = {
    "frames": "1-5", "colorspace": "ACEScct", "ocio": "ocio://default", "exposure": -1.5,
    "view": "left", "layer": "beauty", "roi": Window(1, 2, 30, 40), "start_frame": 1001,
    "guidance": "masks:/there", "names": ("anna", "bert"), "mask_offset": 1000,
    "garbage": Path("/garbage"), "garbage_offset": -3, "core": Path("/core"), "core_offset": 7,
    "model": "msgvim", "quality": "draft", "segment": 48, "preroll": 4, "keep_state": 6,
    "coupling": 0.25, "steadiness": 0.5, "order": ("bert", "anna"), "compression": "zips",
    "foreground": True, "cutout": True, "cryptomatte": True, "vse": True, "preview": True,
    "cache": Path("/cache"), "device": "cpu", "weights": Path("/weights.safetensors"),
}  # fmt: skip


def matte_parser() -> argparse.ArgumentParser:
    parser = build_parser()
    (commands,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    found: argparse.ArgumentParser = commands.choices["matte"]
    return found


def written(value: Any) -> str:
    """A value as a person types it."""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, Window):
        return f"{value.x},{value.y},{value.width},{value.height}"
    return str(value)


def in_json(value: Any) -> Any:
    """A value as a host sends it."""
    if isinstance(value, Window):
        return [value.x, value.y, value.width, value.height]
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def test_names_are_unique_and_reasons_are_of_doors() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) == len(OTHER)
    for row in ROWS:
        assert set(row.without) <= set(DOORS)
        assert row.help[-1] != "."
        assert row.wrong(row.default) is None
        assert row.wrong(OTHER[row.name]) is None
        assert OTHER[row.name] != row.default


def test_what_stands_beside_the_table_agrees_with_it() -> None:
    assert option("model").default == DEFAULT_MODEL
    assert set(option("quality").choices) == set(QUALITY)
    assert option("coupling").default == DEFAULT_COUPLING
    assert option("steadiness").default == DEFAULT_STEADINESS


@pytest.mark.parametrize(
    ("table", "kind", "more"),
    [(SHOT, Shot, {"path"}), (SETTINGS, Settings, set()), (OUTPUTS, PublishOptions, set())],
)
def test_python_has_them(table: tuple[Option, ...], kind: type, more: set[str]) -> None:
    declared = {row.name: row.default for row in table}
    found = {item.name: item.default for item in fields(kind) if item.name not in more}
    assert found == declared


def test_python_has_those_of_a_machine() -> None:
    parameters = inspect.signature(MatteSession).parameters
    for row in MACHINE:
        assert row.name in parameters
    assert {"guidance", "folders", "offsets"} <= parameters.keys()
    assert "names" in inspect.signature(MatteSession.guide).parameters


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_command_line_has_them(row: Option) -> None:
    parser = matte_parser()
    (action,) = [a for a in parser._actions if row.flag in a.option_strings]
    assert action.help == row.sentence()
    words = [row.flag] if row.kind == "switch" else [row.flag, written(OTHER[row.name])]
    args = parser.parse_args(["plate", *words])
    assert values_of(args, [row]) == {row.name: OTHER[row.name]}
    assert values_of(parser.parse_args(["plate"]), [row]) == {row.name: row.default}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_worker_has_them(row: Option) -> None:
    value = OTHER[row.name]
    message = {"type": "run", "out": "/out", "plate": "/plate.png", row.name: in_json(value)}
    if row.name == "guidance":
        message |= {"guidance": "masks", "masks": "/there"}
    assert read_request(message).values[row.name] == value
    without = {"type": "run", "out": "/out", "plate": "/plate.png", row.name: None}
    assert read_request(without).values[row.name] == row.default


@pytest.mark.parametrize("row", [*SHOT, *GUIDANCE, *SETTINGS], ids=lambda row: row.name)
def test_a_session_keeps_them(row: Option, tmp_path: Path) -> None:
    value = OTHER[row.name]
    file = SessionFile(Shot(tmp_path / "plate.png"), "people", {}, Settings())
    if row in SHOT:
        file = replace(file, shot=replace(file.shot, **{row.name: value}))
    elif row in SETTINGS:
        file = replace(file, settings=replace(file.settings, **{row.name: value}))
    elif row.name in OFFSETS.values():
        key = next(key for key, name in OFFSETS.items() if name == row.name)
        file = replace(file, folders={key: tmp_path}, offsets={key: value})
    elif row.name == "guidance":
        file = replace(file, guidance="masks", folders={"masks": tmp_path})
    elif row.name in ("garbage", "core"):
        file = replace(file, folders={row.name: tmp_path})
    else:
        assert row.name == "names"  # kept by the instances that have them
        return
    path = tmp_path / "session.json"
    file.write(path)
    again = SessionFile.read(path)
    if row.name == "frames":
        assert str(again.shot.frames) == value
    else:
        assert replace(again, shot=replace(again.shot, path=file.shot.path)) == file
    assert not json.loads(path.read_text())["instances"]


def test_a_farm_has_those_that_a_session_does_not_keep() -> None:
    every = PublishOptions(**{row.name: OTHER[row.name] for row in OUTPUTS})
    options = FarmOptions(
        publish=flags_of(every, OUTPUTS), device="cpu", weights="/w", cache="/c", names="anna,bert"
    )
    made = job_template("sh", FrameRange.parse("1-9"), 4, 12, options)
    arguments = {step["name"]: step["script"]["actions"]["onRun"]["args"] for step in made["steps"]}
    for row in OUTPUTS:
        assert row.flag in arguments["Matte"]
    for row in MACHINE:
        assert all(row.flag in words for words in arguments.values())
    assert "--names" in arguments["Guidance"]


@pytest.mark.parametrize(
    ("host", "folder"), [("nuke", "nuke_plugin/vimatte_nuke"), ("blender", "blender_addon")]
)
def test_hosts_have_those_that_say_so(host: str, folder: str) -> None:
    source = "".join(path.read_text() for path in sorted((ROOT / folder).glob("*.py")))
    missing = {row.name for row in ROWS if host not in row.without and not _asks(source, row.name)}
    assert missing == set()


def _asks(source: str, name: str) -> bool:
    # Names travel with the rows of a request's instances.
    key = "instances" if name == "names" else name
    return f'"{key}"' in source or f" {key}=" in source


def test_the_reference_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "write_options"), "--check"]
    done = subprocess.run(command, check=False, timeout=60)
    assert done.returncode == 0, "run scripts/write_options"


def _wrong() -> Iterator[tuple[Option, Any]]:
    for row in ROWS:
        if row.kind in ("whole", "number"):
            yield from ((row, value) for value in (True, "1", float("nan"), float("inf")))
            if row.low is not None:
                yield row, row.low - 1
            if row.high is not None:
                yield row, row.high + 1
        if row.choices:
            yield row, "nonsense"
        if row.kind == "switch":
            yield row, 1
        if row.kind == "names":
            yield row, "anna"


@pytest.mark.parametrize(("row", "value"), list(_wrong()), ids=str)
def test_wrong_values_are_told(row: Option, value: Any) -> None:
    said = row.wrong(value)
    assert said
    assert row.name in said
    kind = Settings if row in SETTINGS else Shot if row in SHOT else None
    if kind is not None:
        more = {"path": "plate.png"} if kind is Shot else {}
        with pytest.raises(ConfigError, match=row.name):
            kind(**more, **{row.name: value})


def test_a_region_is_a_window() -> None:
    with pytest.raises(ConfigError, match="roi"):
        Shot("plate.png", roi=(1, 2, 3, 4))


def test_the_nearest_is_named(tmp_path: Path) -> None:
    assert nearest("steadines", [row.name for row in ROWS]) == "steadiness"
    assert nearest("xyz", [row.name for row in ROWS]) == ""
    path = tmp_path / "session.json"
    SessionFile(Shot(tmp_path / "plate.png"), "people", {}, Settings()).write(path)
    data = json.loads(path.read_text())
    data["settings"]["steadines"] = 0.5
    path.write_text(json.dumps(data))
    with pytest.raises(SessionError, match="steadines") as info:
        SessionFile.read(path)
    assert "steadiness" in str(info.value.hint)
