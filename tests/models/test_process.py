"""What a process settles before torch is loaded."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vimatte.models.process import give_back_memory, settle_process

CORE = Path(__file__).parents[2] / "core"
KEPT = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
from vimatte.models.process import give_back_memory, settle_process
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
if sys.argv[2] == "settled":
    settle_process()
elif sys.argv[2] == "old":  # a glibc that takes no threshold above 32 MiB
    def mallopt(name, value):
        return 0 if name == -3 and value > 1 << 25 else libc.mallopt(name, value)
    from vimatte.models import process
    process._glibc = lambda name: mallopt if name == "mallopt" else getattr(libc, name)
    settle_process()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def use():
    block = libc.malloc(ctypes.c_size_t(24 << 20))
    libc.memset(ctypes.c_void_p(block), 1, ctypes.c_size_t(24 << 20))
    libc.free(ctypes.c_void_p(block))
before = resident()
use()
kept = resident() - before
give_back_memory()
print(kept, resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_memory_that_was_freed_is_kept_for_the_next() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("not glibc")
    kept = {}
    for how in ("plain", "settled", "old"):
        command = [sys.executable, "-c", KEPT, str(CORE), how]
        kept[how] = [int(part) for part in subprocess.check_output(command, text=True).split()]
    assert kept["plain"][0] < 8 << 20
    for how in ("settled", "old"):
        assert kept[how][0] >= 20 << 20
        assert kept[how][1] < 8 << 20  # given back on request


def test_it_does_without_a_library_that_has_no_such_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    settle_process()
    give_back_memory()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"  # what a user chose stays
    monkeypatch.delenv("OMP_WAIT_POLICY")
    settle_process()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
