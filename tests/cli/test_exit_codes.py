"""Every code that the help promises, by inputs that must end with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vimatte.cli.main import EPILOG, main

PLATE = ["plate/sh.####.exr", "--guidance", "masks:masks", "--no-qc"]
MATTE = ["matte", *PLATE, "-o", "OUT"]
BAD = [
    (2, ["matte"]),
    (2, ["mate", "x"]),
    (2, [*MATTE, "--quality", "best"]),
    (3, ["matte", "plate/no.####.exr", "-o", "OUT"]),
    (3, ["matte", "plate", "-o", "OUT"]),
    (3, [*MATTE, "--frames", "1-2"]),
    (3, [*MATTE, "--colorspace", "Fuchsia"]),
    (3, [*MATTE, "--ocio", "nothing.ocio"]),
    (3, [*MATTE, "--garbage", "nothing"]),
    (3, [*MATTE, "--exposure", "1000"]),
    (3, ["matte", "plate/sh.####.exr", "-o", "OUT", "--guidance", "masks:nothing"]),
    (3, ["matte", "bad.json"]),
    (3, ["plan", "nothing"]),
    (3, ["evaluate", "nothing", "masks"]),
    (3, ["benchmark", "run", "nothing"]),
    (4, [*MATTE, "--model", "nothing"]),
    (4, [*MATTE, "--guidance", "nothing"]),
    (4, [*MATTE, "--compression", "nothing"]),
    (4, [*MATTE, "--steadiness", "2"]),
    (4, [*MATTE, "--segment", "-1"]),
    (4, ["weights", "verify", "nothing"]),
    (4, ["farm", "bundle", *PLATE[:3], "-o", "JOB", "--out", "OUT", "--cores", "0"]),
    (4, ["farm", "slurm", "JOB", "--throttle", "-1"]),
    (5, [*MATTE, "--cache", "file"]),
    (5, ["cache", "ls", "nothing"]),
    (6, ["matte", *PLATE, "-o", "file", "--cache", "CACHE"]),
    (7, [*MATTE, "--weights", "bad.json"]),
    (7, [*MATTE, "--weights", "nothing.safetensors"]),
    (7, [*MATTE, "--model", "msgvim"]),
    (10, ["farm", "run", "nothing"]),
    (10, ["farm", "status", "nothing"]),
]


@pytest.fixture
def here(shot: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shot)
    (shot / "file").write_text("a file")
    (shot / "bad.json").write_text("{")
    return shot


@pytest.mark.parametrize(("code", "arguments"), BAD)
def test_what_ends_with_which_code(
    here: Path, code: int, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        ended = main(arguments)
    except SystemExit as stop:  # argparse
        ended = int(stop.code or 0)
    said = capsys.readouterr().err
    assert ended == code, said
    assert "Traceback" not in said
    assert "fault of vimatte" not in said
    assert f"  {code} " in EPILOG
    assert not list((here / "OUT").rglob("*.exr"))


def test_published_files_that_are_wrong(here: Path) -> None:
    assert main(MATTE) == 0
    assert main(["verify", "OUT"]) == 0
    assert main(["verify", "OUT", "--published", "v007"]) == 9
    (here / "OUT" / "v001" / "exr" / "sh.1002.exr").write_bytes(b"")
    assert main(["verify", "OUT"]) == 9


def test_the_help_lists_every_code() -> None:
    codes = {int(code) for code in re.findall(r"(?m)^  (\d+)  ", EPILOG)}
    assert {code for code, _ in BAD} | {0, 1, 8, 9, 130} == codes
