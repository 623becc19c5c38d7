"""Arguments: an empty path is no path, numbers as people write them, slips that are named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_support import HEIGHT, WIDTH, matte

from vimatte.cli.main import build_parser, main
from vimatte.errors import ConfigError, GuidanceError, InputError, VimatteError, WorkerError
from vimatte.session import MatteSession, Shot
from vimatte.worker.request import read_request


def exit_code(*arguments: str) -> int:
    try:
        return main(arguments)
    except SystemExit as stop:  # argparse
        return int(stop.code or 0)


def every_parser(parser: argparse.ArgumentParser, *called: str) -> list[tuple[str, ...]]:
    found = [called]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                found += every_parser(child, *called, name)
    return found


def parser_of(called: tuple[str, ...]) -> argparse.ArgumentParser:
    parser = build_parser()
    for name in called:
        action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
        parser = action.choices[name]
    return parser


COMMANDS = [called for called in every_parser(build_parser()) if called]
# Lists of names: an empty one says that nobody has a name.
MAY_BE_EMPTY = {"--names", "--order"}


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize("called", COMMANDS, ids=" ".join)
def test_no_option_of_any_command_takes_an_empty_path_or_number(
    called: tuple[str, ...],
    empty: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for action in parser_of(called)._actions:
        if action.type is None or set(action.option_strings) & MAY_BE_EMPTY:
            continue
        name = action.option_strings[:1]
        assert exit_code(*called, *name, empty) == 2, (called, action.dest)
        assert "error: " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", ""], ["-o", " "], ["--cache", ""], ["--weights", ""], ["--garbage", ""],
        ["--core", "\t"], ["--path-map-file", ""], ["--path-map", ""], ["--path-map", "=x"],
        ["--frames", ""], ["--segments", ""], ["--colorspace", ""], ["--ocio", ""], ["--view", ""],
        ["--layer", ""], ["--exposure", ""], ["--start-frame", ""], ["--roi", ""],
        ["--cache-limit", ""], ["--guidance", ""], ["--model", ""], ["--compression", ""],
        ["--exposure", "nan"], ["--exposure", "inf"], ["--exposure", "-inf"], ["--exposure", "1e9"],
        ["--exposure", "1e999"], ["--exposure", "1,5"], ["--exposure", "1_0"], ["--exposure", "٣"],
        ["--start-frame", "1e9"], ["--start-frame", "1.0"], ["--start-frame", "٣"],
        ["--start-frame", "9999999999"], ["--start-frame", "9" * 5000], ["--segment", "-1"],
        ["--segment", "nan"], ["--preroll", "1e9"], ["--steadiness", "nan"],
        ["--steadiness", "2"], ["--cache-limit", "nan"], ["--cache-limit", "-1"],
        ["--cache-limit", "9" * 400], ["--roi", "0,0,nan,1"], ["--roi", "0,0,1"],
        ["--frames", "9999999999"], ["--frames", "1-1000000000"], ["--frames", "5--5"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_no_value_is_refused(
    shot: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(shot)
    before = sorted(shot.rglob("*"))
    out = [] if arguments[0] == "-o" else ["-o", "OUT"]
    masks = [] if arguments[0] == "--guidance" else ["--guidance", "masks:masks"]
    code = exit_code("matte", "plate/sh.####.exr", *out, *masks, "--no-qc", *arguments)
    said = capsys.readouterr().err
    assert code in (2, 3, 4), said
    assert "fault of vimatte" not in said
    assert "Traceback" not in said
    assert sorted(shot.rglob("*")) == before


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_plate_or_session_is_not_the_current_folder(
    shot: Path, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert matte(shot, "out", "--no-qc") == 0
    monkeypatch.chdir(shot / "out")
    before = sorted(shot.rglob("*"))
    for command in (["matte"], ["guide"], ["plan"], ["verify"], ["qc"], ["farm", "bundle"]):
        assert exit_code(*command, empty, "-o", str(shot / "other")) == 2
    assert sorted(shot.rglob("*")) == before


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_path_in_python(shot: Path, empty: str) -> None:
    plate = str(shot / "plate" / "sh.####.exr")
    with pytest.raises(InputError, match="an empty path is no path"):
        Shot(empty)
    with pytest.raises(InputError, match="the OCIO config"):
        Shot(plate, ocio=empty)
    with pytest.raises(InputError, match="colorspace is empty"):
        Shot(plate, colorspace=empty)
    for options in (
        {"cache": empty},
        {"cache": shot / "cache", "weights": empty},
        {"cache": shot / "cache", "folders": {"garbage": empty}},
        {"cache": shot / "cache", "guidance": "masks", "folders": {"masks": empty}},
    ):
        with pytest.raises(InputError, match="an empty path is no path"):
            MatteSession(Shot(plate), **options)
    with pytest.raises(InputError, match="the session: an empty path"):
        MatteSession.open(empty, cache=shot / "cache")
    with (
        MatteSession(
            Shot(plate), cache=shot / "cache", guidance="masks", folders={"masks": shot / "masks"}
        ) as session,
        pytest.raises(InputError, match="the output folder: an empty path"),
    ):
        session.publish(empty)
    made = {path.name for path in shot.iterdir()} - {"cache"}  # which may hold digests
    assert made == {"plate", "masks"}


@pytest.mark.parametrize("field", ["out", "plate", "cache", "masks", "garbage", "core", "weights"])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_path_in_a_request(tmp_path: Path, field: str, empty: str) -> None:
    message = {"type": "run", "out": str(tmp_path), "plate": str(tmp_path / "sh.####.exr")}
    with pytest.raises(InputError, match=f"`{field}`: an empty path is no path"):
        read_request(message | {field: empty})
    read_request({"type": "run", "out": str(tmp_path), "plate": None, "cache": None})
    with pytest.raises(VimatteError, match="empty part in frame range"):
        read_request(message | {"part": ""})


@pytest.mark.parametrize("field", ["model", "quality", "device", "guidance", "compression"])
def test_an_empty_name_in_a_request(tmp_path: Path, field: str) -> None:
    message = {"type": "run", "out": str(tmp_path), "plate": str(tmp_path / "sh.####.exr")}
    with pytest.raises(WorkerError, match=f"`{field}` is empty"):
        read_request(message | {field: ""})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mask_ofset": 1}, r"no field `mask_ofset`.*did you mean `mask_offset`"),
        ({"views": ["a"]}, r"no field `views`.*did you mean `view`"),
        ({"instances": [{"id": 0, "name": "a"}]}, "ids start at 1"),
        ({"instances": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "each stands once"),
    ],
)
def test_what_a_request_says_is_used_or_refused(tmp_path: Path, change, said: str) -> None:
    message = {"type": "run", "id": 1, "out": str(tmp_path), "plate": "/p/sh.####.exr"}
    with pytest.raises(WorkerError, match=said):
        read_request(message | change)


@pytest.mark.parametrize(
    ("folders", "offsets", "said"),
    [
        (("masks", "garbge"), {}, "no files called 'garbge'"),
        (("masks",), {"mask": 1}, "no files called 'mask'"),
        (("masks",), {"garbage": 1}, "offset of garbage moves no files"),
        (("masks",), {"masks": 1.5}, "no whole number: 1.5"),
        (("masks",), {"masks": True}, "no whole number"),
        (("masks",), {"masks": 10**12}, "no whole number"),
    ],
)
def test_folders_and_offsets_in_python(shot: Path, folders, offsets, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MatteSession(
            Shot(str(shot / "plate" / "sh.####.exr")),
            cache=shot / "cache",
            guidance="masks",
            folders=dict.fromkeys(folders, shot / "masks"),
            offsets=offsets,
        )


@pytest.mark.parametrize("option", ["--names", "--order"])
def test_an_empty_list_of_names(
    shot: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert matte(shot, "out", option, "") == 4
    assert "a name is empty in ''" in capsys.readouterr().err


def test_a_front_order_that_cannot_be(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert matte(shot, "out", "--no-qc", "--order", "anna,bert,anna") == 4
    assert "the front order names 'anna' twice" in capsys.readouterr().err
    for path in (shot / "masks" / "bert").iterdir():
        cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH), np.uint8))
    assert matte(shot, "out", "--no-qc", "--order", "bert,anna") == 4
    assert "the masks of bert have no pixel in the shot" in capsys.readouterr().err


@pytest.fixture
def before_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plate of frames -5 to 1 as Blender writes it, and masks; the current folder."""
    monkeypatch.chdir(tmp_path)
    for folder in ("plate", "masks/anna"):
        (tmp_path / folder).mkdir(parents=True)
    mask = np.zeros((48, 64), np.uint8)
    mask[12:36, 20:44] = 255
    for frame in range(-5, 2):
        number = f"-{-frame:04d}" if frame < 0 else f"{frame:04d}"
        picture = np.full((48, 64, 3), 60, np.uint8)
        picture[mask > 0] = 180
        cv2.imwrite(str(tmp_path / "plate" / f"sh_{number}.png"), picture)
        cv2.imwrite(str(tmp_path / "masks" / "anna" / f"m_{number}.png"), mask)
    return tmp_path


def published(folder: Path) -> list[str]:
    return sorted(path.name.split(".")[1] for path in (folder / "v001" / "exr").iterdir())


@pytest.mark.parametrize("frames", [["--frames", "-5--1"], ["--frames=-5--1"]])
def test_negative_frames_from_plate_to_farm(
    before_zero: Path, frames: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plate = ["plate/sh_####.png", "--guidance", "masks:masks", "--exposure", "-1"]
    assert exit_code("matte", *plate, "-o", "OUT", *frames, "--segment", "2") == 0
    assert published(before_zero / "OUT") == ["-0001", "-0002", "-0003", "-0004", "-0005"]
    assert exit_code("verify", "OUT", "--frames", "-3--2") == 0
    assert "2 frames verified" in capsys.readouterr().out
    assert exit_code("plan", "OUT") == 0
    assert " 5  -5--1" in capsys.readouterr().out
    assert exit_code("matte", "OUT", "--segments", "-3--2", "--no-qc") == 0
    assert "3 frames, 0 computed" in capsys.readouterr().out
    # What was published is read again by the pattern that a person writes for it.
    assert str(Shot("OUT/v001/exr/sh.####.exr", colorspace="ACEScg").open().frames) == "-5--1"


def test_an_option_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["matte", "p", "--fram", "1-2"], "did you mean --frames?"),
        (
            ["matte", "p", "--exposre=2"],
            "--exposre is no option of vimatte matte: did you mean --exp",
        ),
        (["train", "c", "--matrial", "m", "--run", "r"], "did you mean --material?"),
        (["farm", "bundle", "p", "-o", "b", "--ou", "x"], "did you mean --out?"),
        (["models", "--xyzzy"], "--xyzzy is no option of vimatte models"),
        (["matte", "a.1.exr", "a.2.exr", "a.3.exr"], "2 arguments too many: a.2.exr, a.3.exr"),
    ):
        assert exit_code(*arguments) == 2
        assert said in capsys.readouterr().err


def test_a_plate_where_a_session_belongs(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate = str(shot / "plate" / "sh.####.exr")
    for command in (["plan", plate], ["verify", plate, "-o", str(shot / "o")], ["qc", plate]):
        assert exit_code(*command) == 3
        assert "takes a session, not a plate" in capsys.readouterr().err
    assert exit_code("plan", str(shot / "plate")) == 3
    assert "holds no session.json" in capsys.readouterr().err


def test_a_bundle_without_an_output_folder(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate = str(shot / "plate" / "sh.####.exr")
    assert exit_code("farm", "bundle", plate, "-o", str(shot / "job")) == 3
    assert "add --out OUT" in capsys.readouterr().err
    assert not (shot / "job").exists()


def test_a_bundle_of_a_plate_has_the_options_given_now(shot: Path) -> None:
    plate, out = str(shot / "plate" / "sh.####.exr"), shot / "out"
    given = [plate, "-o", str(shot / "job"), "--out", str(out)]
    given += ["--guidance", f"masks:{shot / 'masks'}"]
    assert exit_code("guide", plate, *given[3:]) == 0
    frozen = (out / "session.json").read_bytes()
    assert exit_code("farm", "bundle", *given) == 0
    assert (out / "session.json").read_bytes() == frozen  # with its names
    assert exit_code("farm", "bundle", *given, "--mask-offset", "0", "--exposure", "1") == 0
    data = json.loads((out / "session.json").read_text())
    assert (data["offsets"], data["exposure"], data["instances"]) == ({"masks": 0}, 1.0, [])
    assert exit_code("farm", "bundle", *given, "--names", "a,,b") == 4


def test_a_folder_of_masks_that_goes_gives_nobody_anothers_name(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert matte(shot, "out", "--no-qc") == 0
    (shot / "masks" / "anna").rename(shot / "masks" / "zoe")
    published = sorted(shot.rglob("*.exr"))
    assert exit_code("matte", str(shot / "out"), "--no-qc") == 3
    assert "its bert was made from 'bert', where 'zoe' is now" in capsys.readouterr().err
    assert sorted(shot.rglob("*.exr")) == published
    message = {"type": "run", "out": str(shot / "out"), "guidance": "masks"}
    message |= {"plate": str(shot / "plate" / "sh.####.exr"), "masks": str(shot / "masks")}
    message |= {"instances": [{"id": 1, "name": "anna"}, {"id": 2, "name": "bert"}]}
    with (
        read_request(message).open() as session,
        pytest.raises(GuidanceError, match="the masks are not those of the session any more"),
    ):
        list(session.guide())
    assert matte(shot, "out", "--no-qc") == 0  # of the plate: found anew


def test_what_belongs_to_a_plate_or_to_a_session_only(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert matte(shot, "out", "--no-qc", "--path-map", "/a=/b") == 4
    assert "--path-map is for a session" in capsys.readouterr().err
    assert not (shot / "out").exists()
    assert matte(shot, "out", "--no-qc") == 0
    capsys.readouterr()
    for more in (["--colorspace", "ACEScg"], ["--guidance", "people"], ["--exposure", "1"]):
        code = exit_code("matte", str(shot / "out"), *more)
        assert code == (0 if more[1] == "people" else 4)  # what is the default cannot be told
    assert "--exposure is for a plate" in capsys.readouterr().err


def test_frames_that_a_session_does_not_have(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shot / "plate" / "sh.1002.exr").unlink()
    assert matte(shot, "out", "--no-qc") == 0
    capsys.readouterr()
    out = str(shot / "out")
    for command in (["matte", out], ["qc", out], ["verify", out], ["plan", out],
                    ["farm", "bundle", out, "-o", str(shot / "job")]):  # fmt: skip
        assert exit_code(*command, "--frames", "1003-1010") == 3, command
        said = capsys.readouterr().err
        assert "the shot goes from 1001 to 1004" in said
    assert exit_code("matte", out, "--segments", "99") == 3
    assert "no frame of the shot is in the segments 99" in capsys.readouterr().err
    # The hole in the plate was said: a task's part of the shot goes on around it.
    assert exit_code("matte", out, "--frames", "1001-1003") == 0
    assert "2 frames, 0 computed, 2 from the cache" in capsys.readouterr().out
    assert exit_code("verify", out, "--frames", "1001-1003") == 9
