"""A process that is told to computes without the better vector instructions, all of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vimatte.cli.main import build_parser, main
from vimatte.errors import ConfigError
from vimatte.models.instruction_set import (
    CHOICES,
    VARIABLE,
    environment_for,
    settle_instruction_set,
)
from vimatte.models.registry import DEFAULT_MODEL, load_model

CORE = Path(__file__).parents[2] / "core"
PROGRAM = """
import os, sys
from vimatte.models.instruction_set import settle_instruction_set
settle_instruction_set(sys.argv[1:], os.environ)
import json
import cv2
import numpy as np
import torch
features = np._core._multiarray_umath.__cpu_features__
print(json.dumps({
    "torch": torch.backends.cpu.get_cpu_capability(),
    # The groups of instructions that its code is chosen by, in the names of 2.4 and of before.
    "numpy": [name for name in ("X86_V3", "X86_V4", "AVX512_ICL") if features[name]]
             if "X86_V3" in features
             else [name for name in ("AVX2", "AVX512F", "AVX512_SKX") if features[name]],
    # By OpenCV's numbers, which have no names in Python.
    "cv2": [name for name, number in (("AVX2", 11), ("AVX512_SKX", 256))
            if cv2.checkHardwareSupport(number)],
}))
"""


def clean() -> dict[str, str]:
    told = {*environment_for("sse4"), VARIABLE}
    plain = {name: word for name, word in os.environ.items() if name not in told}
    return plain | {"PYTHONPATH": str(CORE)}


def loaded(*arguments: str, **more: str) -> dict[str, object]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    out = subprocess.check_output(command, text=True, timeout=120, env=clean() | more)
    found: dict[str, object] = json.loads(out)
    return found


def test_every_library_does_without() -> None:
    avx2 = loaded("--cpu-isa", "avx2")
    assert avx2["torch"] in ("AVX2", "DEFAULT")
    assert "AVX512" not in str(avx2["cv2"])
    assert not {"X86_V4", "AVX512_ICL", "AVX512F", "AVX512_SKX"} & set(avx2["numpy"])
    assert loaded("--cpu-isa=sse4") == {"torch": "DEFAULT", "numpy": [], "cv2": []}
    # By the environment, as hosts and farms set it; the option comes first.
    assert loaded(**{VARIABLE: "sse4"})["torch"] == "DEFAULT"
    assert loaded("--cpu-isa", "avx2", **{VARIABLE: "sse4"}) == avx2
    assert loaded("--", "--cpu-isa", "sse4") == loaded()


def test_a_name_that_is_none() -> None:
    with pytest.raises(ConfigError, match="avx1024"):
        environment_for("avx1024")
    done = subprocess.run(
        [sys.executable, "-m", "vimatte", "doctor"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean() | {VARIABLE: "avx1024"},
    )
    assert done.returncode == 4
    assert "avx1024" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_is_none_in_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "avx1024")
    with pytest.raises(ConfigError, match="avx1024"):
        load_model(DEFAULT_MODEL)


def test_too_late_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    build_parser()  # it loads NumPy
    other = "avx2" if os.environ.get(VARIABLE) == "sse4" else "sse4"
    environment: dict[str, str] = {}
    with pytest.raises(ConfigError, match="before NumPy"):
        settle_instruction_set(["matte", "x", "--cpu-isa", other], environment)
    assert environment == {}
    assert main(["models", "--cpu-isa", other]) == 4
    assert f"set {VARIABLE}={other}" in capsys.readouterr().err


@pytest.mark.parametrize("isa", CHOICES)
def test_what_is_in_effect_is_left_alone(isa: str) -> None:
    environment = dict(environment_for(isa))
    settle_instruction_set(["--cpu-isa", isa], environment)
    assert environment == environment_for(isa)


def test_nodes_tell_their_bits() -> None:
    """The doctor prints one digest for one instruction set, in whatever process."""
    found = set()
    for _ in range(2):
        command = [sys.executable, "-m", "vimatte", "doctor", "--json", "--cpu-isa", "avx2"]
        out = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=clean()
        ).stdout
        rows = [json.loads(line) for line in out.splitlines()]
        found |= {row["found"] for row in rows if row.get("what") == "bits of mattes"}
    assert len(found) == 1
    assert " by avx2: " in found.pop()


def test_a_program_that_loaded_numpy_first_is_told() -> None:
    program = "import numpy, vimatte"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=clean() | {VARIABLE: "avx2"},
    )
    assert "not followed" in done.stderr
    assert "before NumPy and torch are loaded" in done.stderr
    for order, word in (("vimatte, numpy", "avx2"), ("numpy, vimatte", "native")):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"import {order}"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=clean() | {VARIABLE: word},
        )
        assert done.returncode == 0, done.stderr
