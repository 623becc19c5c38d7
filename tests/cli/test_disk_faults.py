"""Real faults of a real disk below the real command line: one clear line, and nothing is lost.

Every case harms a run, sees how it ends, lets it finish where the disk is well again, and compares
every published byte and every cached matte with an undisturbed run.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from cli_support import FRAMES, write_shot

CORE = Path(__file__).parents[2] / "core"
CACHE, OUTPUT = 5, 6
KEPT = ("cache/*/mattes-*/*.safetensors", "out/v001/exr/*.exr")


def command(shot: Path, place: Path) -> list[str]:
    return [
        sys.executable, "-m", "vimatte", "matte", str(shot / "plate" / "sh.####.exr"),
        "-o", str(place / "out"), "--cache", str(place / "cache"),
        "--guidance", f"masks:{shot / 'masks'}", "--device", "cpu", "--no-qc",
    ]  # fmt: skip


def start(shot: Path, place: Path, around: Sequence[str] = ()) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(CORE), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*around, *command(shot, place)], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(shot: Path, place: Path, around: Sequence[str] = ()) -> tuple[int, str]:
    """Run to the end; returns the exit code and what was said on the error stream."""
    with start(shot, place, around) as child:
        _, said = child.communicate(timeout=300)
        return child.returncode, said


def files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for pattern in KEPT
        for path in place.glob(pattern)
    }


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shot(tmp_path_factory.mktemp("disk"))


@pytest.fixture(scope="module")
def whole(shot: Path) -> dict[str, bytes]:
    """Every byte of an undisturbed run."""
    assert run(shot, shot / "whole") == (0, "")
    found = files(shot / "whole")
    assert len(found) == 2 * len(FRAMES)
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("out", "cache"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def ended(code: int, said: str, expected: int, *words: str) -> None:
    """Hold that a run ended with its family's code and one line that helps."""
    assert code == expected, said
    assert len(said.strip().splitlines()) == 1, said
    assert said.startswith("vimatte: ")
    for word in words:
        assert word in said


def recovers(shot: Path, place: Path, whole: dict[str, bytes]) -> None:
    """Hold that nothing half written lies under a name, and that a second run ends the work."""
    for name, data in files(place).items():
        assert whole[name] == data, name
    assert run(shot, place) == (0, "")
    assert files(place) == whole
    left = [path for path in place.rglob("*.tmp") if path.is_file()]
    assert not left


def in_namespace(*script: str) -> list[str]:
    """Return what runs a shell script, then the command, with mounts of its own."""
    around = ["unshare", "-rm", "sh", "-c", "; ".join(("set -e", *script, 'exec "$@"')), "sh"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*around[:2], "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no user namespaces here: nothing can be mounted")
    return around


def injected(*rules: str) -> list[str]:
    """Return what makes the kernel's answers to the command's system calls others."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed: the disk's answers cannot be changed")
    calls = ",".join(rule.partition(":")[0] for rule in rules)
    around = [found, "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, f"--trace={calls}"]
    around += [f"--inject={rule}" for rule in rules]
    if subprocess.run([*around, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return around


@pytest.mark.parametrize("limit", [100, 3000])
def test_files_that_may_not_grow(
    shot: Path, place: Path, whole: dict[str, bytes], limit: int
) -> None:
    """RLIMIT_FSIZE: what a shell's `ulimit -f` sets, in bytes."""
    set_limit = (
        "import os, resource, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    code, said = run(shot, place, [sys.executable, "-c", set_limit])
    ended(code, said, code, "may not become that large")
    assert code in (CACHE, OUTPUT)
    recovers(shot, place, whole)


@pytest.mark.parametrize("first", [1, 9])
def test_a_quota_that_is_used_up(
    shot: Path, place: Path, whole: dict[str, bytes], first: int
) -> None:
    """EDQUOT, as a disk gives it when data is flushed: from the n-th flush of a thread on."""
    around = injected(f"fsync:error=EDQUOT:when={first}+")
    code, said = run(shot, place, around)
    ended(code, said, code, "quota is used up")
    assert code in (CACHE, OUTPUT)
    recovers(shot, place, whole)


@pytest.mark.parametrize("part", ["cache", "out"])
def test_a_read_only_disk(shot: Path, place: Path, whole: dict[str, bytes], part: str) -> None:
    folder = place / part
    around = in_namespace(
        f"mount --bind '{folder}' '{folder}'", f"mount -o remount,ro,bind '{folder}'"
    )
    code, said = run(shot, place, around)
    ended(code, said, code, "read-only")
    assert code in (CACHE, OUTPUT)
    recovers(shot, place, whole)


@pytest.mark.parametrize("part", ["cache", "out"])
def test_permission_denied(shot: Path, place: Path, whole: dict[str, bytes], part: str) -> None:
    """A user of no name: root's own rights are given up in a namespace without a mapping."""
    around: list[str] = []
    if os.geteuid() == 0:
        in_namespace()
        around = ["unshare", "-U"]
    folder = place / part
    folder.chmod(0o555)
    try:
        code, said = run(shot, place, around)
    finally:
        folder.chmod(0o755)
    ended(code, said, code, "you may not write there")
    assert code in (CACHE, OUTPUT)
    recovers(shot, place, whole)


def test_two_processes_on_a_slow_disk(shot: Path, place: Path, whole: dict[str, bytes]) -> None:
    """Every flush and every rename takes a quarter of a second; the work is shared all the same."""
    around = injected("fsync,rename,renameat,renameat2:delay_enter=250000")
    began = time.monotonic()
    children = [start(shot, place, around) for _ in range(2)]
    said = [child.communicate(timeout=300) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    assert time.monotonic() - began > 0.25 * 4 * len(FRAMES)  # it was slow
    assert files(place) == whole
    assert not list(place.rglob("*.lease"))


def test_a_disk_that_fails_in_the_middle_of_a_slow_run(
    shot: Path, place: Path, whole: dict[str, bytes]
) -> None:
    """EIO: a cable is pulled."""
    code, said = run(shot, place, injected("fsync:error=EIO:when=6+"))
    ended(code, said, code)
    assert code in (CACHE, OUTPUT)
    recovers(shot, place, whole)
