"""Bits of a whole shot: equal whatever threads and process, and nearly equal on other processors.

`docs/decisions/0009-threads-and-bits.md` says what is promised. The instruction sets stand for
other processors: a child process is told to do without the better ones.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from bits_shot import digest, mattes

from vimatte.models.inference import Pointwise
from vimatte.models.instruction_set import VARIABLE, environment_for
from vimatte.models.lite_runner import LiteRunner
from vimatte.models.registry import DEFAULT_MODEL, load_model

HERE = Path(__file__).parent
# The best that this processor has, AVX2, and the least that torch runs on.
SETS = ("native", "avx2", "sse4")


def child(isa: str, threads: int, *more: str) -> str:
    """Return the digests that a new process prints."""
    environment = {k: v for k, v in os.environ.items() if k not in environment_for("avx2")}
    environment |= environment_for(isa) | {"PYTHONPATH": str(HERE.parents[1] / "core")}
    command = [sys.executable, str(HERE / "bits_shot.py"), "--threads", str(threads), *more]
    return subprocess.check_output(command, text=True, timeout=300, env=environment)


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The shot's mattes by instruction set, each computed in a process of its own on one thread."""
    folder = tmp_path_factory.mktemp("bits")
    files = {isa: folder / f"{isa}.npz" for isa in SETS}
    for isa, file in files.items():
        file.with_suffix(".txt").write_text(child(isa, 1, "--save", str(file)))
    return files


@pytest.mark.parametrize(
    ("isa", "threads", "more"),
    [
        ("native", 2, ()),
        ("native", 5, ()),
        ("native", 1, ("--worn",)),
        ("native", 2, ("--worn",)),
        ("avx2", 2, ()),
        ("avx2", 2, ("--worn",)),
    ],
)
def test_threads_and_history_change_no_bit(
    computed: dict[str, Path], isa: str, threads: int, more: tuple[str, ...]
) -> None:
    assert child(isa, threads, *more) == computed[isa].with_suffix(".txt").read_text()


def test_this_process_has_the_bits_of_a_new_one(computed: dict[str, Path]) -> None:
    """Whatever tests ran here before."""
    model = load_model(DEFAULT_MODEL, device="cpu")
    isa = os.environ.get(VARIABLE) or "native"
    expected = computed[isa].with_suffix(".txt").read_text().split()
    assert [digest(mattes(model)), digest(mattes(model, (2,)))] == expected


def test_instruction_sets_agree_within_one_step_of_eight_bits(computed: dict[str, Path]) -> None:
    loaded = {isa: np.load(file) for isa, file in computed.items()}
    for first, second in itertools.combinations(SETS, 2):
        worst = max(np.abs(loaded[first][k] - loaded[second][k]).max() for k in loaded[first])
        assert worst <= 1 / 255, f"{first} and {second} differ by {worst:.5f}"
    # The least set adds in another order: or the comparison would say nothing.
    assert any((loaded["native"][k] != loaded["sse4"][k]).any() for k in loaded["native"])


@pytest.mark.parametrize("seed", range(3))
def test_noise_in_the_last_bits_of_every_layer_stays_small(seed: int) -> None:
    """Ten times what another processor's sums differ by: six small frames then show a threshold."""
    model = load_model(DEFAULT_MODEL, device="cpu")
    assert isinstance(model, LiteRunner)
    expected = mattes(model)
    torch.set_num_threads(1)  # the generator is drawn from in one order
    generator = torch.Generator().manual_seed(seed)

    def disturb(module: torch.nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        return output * (1 + 2e-6 * torch.randn(output.shape, generator=generator))

    for module in model._network.modules():
        if isinstance(module, (torch.nn.Conv2d, Pointwise)):
            module.register_forward_hook(disturb)
    found = mattes(model)
    differences = [np.abs(found[f][k] - expected[f][k]).max() for f in found for k in found[f]]
    assert 0 < max(differences) <= 1 / 255
