"""`scripts/fuzz`: it knows the targets, and finds nothing in a moment of real fuzzing."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz_targets import TARGETS

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_it_names_its_targets() -> None:
    assert run("--list").stdout.split() == list(TARGETS)
    refused = run("nothing")
    assert refused.returncode == 2
    assert "known: frame-range" in refused.stderr


def test_a_moment_of_fuzzing(tmp_path: Path) -> None:
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed (the extra `fuzz`)")
    done = run("lease", "--seconds", "3", "--corpus", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lease: nothing found" in done.stdout
