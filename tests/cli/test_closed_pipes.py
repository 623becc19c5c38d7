"""Whoever reads the output goes away: the work is done to its end, in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import FRAMES

from vimatte.cli.main import main

CORE = Path(__file__).parents[2] / "core"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}
VIMATTE = [sys.executable, "-m", "vimatte"]


def job(shot: Path, *more: str) -> list[str]:
    plate, masks = shot / "plate" / "sh.####.exr", shot / "masks"
    return [
        *VIMATTE, "matte", str(plate), "-o", str(shot / "out"), "--guidance", f"masks:{masks}",
        "--device", "cpu", *more,
    ]  # fmt: skip


def whole(shot: Path) -> None:
    exrs = sorted((shot / "out" / "v001" / "exr").iterdir())
    assert [path.name for path in exrs] == [f"sh.{frame}.exr" for frame in FRAMES]
    assert (shot / "out" / "v001" / "qc.html").exists()
    assert main(["verify", str(shot / "out")]) == 0


@pytest.mark.parametrize("more", [[], ["--json"], ["--openjd"]], ids=str)
@pytest.mark.parametrize("lines", [0, 1])
def test_a_reader_that_goes_away(shot: Path, more: list[str], lines: int) -> None:
    """``vimatte matte ... | head -1``: the pipe's other end is closed after a line, or at once."""
    with subprocess.Popen(
        job(shot, *more), env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for _ in range(lines):
            assert child.stdout.readline()
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait(120) == 0, said
    assert said == b""
    whole(shot)


def test_both_streams_go_away(shot: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            job(shot, "--debug"), env=ENVIRONMENT, stdout=write, stderr=write, check=False,
            timeout=120,
        )  # fmt: skip
    finally:
        os.close(write)
    assert done.returncode == 0
    whole(shot)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_were_never_open(shot: Path, closed: str) -> None:
    """No file of the job may take the number of a closed stream, and get what is printed."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *job(shot)], env=ENVIRONMENT,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    whole(shot)


def test_an_error_keeps_its_code(shot: Path) -> None:
    """There is nobody to tell, but a render queue looks at the code."""
    (shot / "plate" / "sh.1003.exr").write_bytes(b"no picture")
    for more in ([], ["--json"]):
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *job(shot, *more)], env=ENVIRONMENT,
            check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 3


@pytest.mark.parametrize(
    "command",
    [["models"], ["guidance"], ["weights", "ls"], ["--help"], ["matte", "--help"]],
    ids=str,
)
def test_lists_end_quietly(command: list[str]) -> None:
    with subprocess.Popen(
        [*VIMATTE, *command], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_log_on_a_full_disk(shot: Path) -> None:
    """The mattes are made and whole; that the log is not is said at the end."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            job(shot), env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, check=False,
            timeout=120,
        )  # fmt: skip
    assert done.returncode == 6
    assert done.stderr.startswith(b"vimatte: the output cannot be written: No space left")
    whole(shot)


def test_names_that_the_terminal_cannot_show(shot: Path) -> None:
    strange = shot / "plate" / "plat\u00e9\udcff.####.exr"
    done = subprocess.run(
        [*VIMATTE, "matte", str(strange), "-o", str(shot / "out")],
        env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert b"no file matches" in done.stderr
