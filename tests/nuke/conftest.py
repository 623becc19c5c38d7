"""A fresh Nuke for every test, the plug-in on its path, and tiny plates with overscan."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "nuke_plugin")]

import fake_nuke  # noqa: E402
from nuke_support import FRAMES, discs, picture, publish, read, write_exr  # noqa: E402


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., fake_nuke.Nuke]]:
    """Start a Nuke session with the plug-in; the worker is this interpreter."""
    monkeypatch.setenv("VIMATTE_PYTHON", sys.executable)
    monkeypatch.delenv("OCIO", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    before = dict(sys.modules)

    def begin(gui: bool = True, script: Path | None = None) -> fake_nuke.Nuke:
        host = fake_nuke.Nuke(gui)
        host.install()
        host.script = str(script) if script else ""
        from vimatte_nuke import callbacks, run

        callbacks.register()
        # The worker's Python finds this checkout, installed or not.
        original = run.load_client

        def client() -> object:
            module = original()
            worker = module.WorkerClient
            path = {"PYTHONPATH": str(ROOT / "core")}
            module.WorkerClient = lambda python: worker(python, path)
            return module

        monkeypatch.setattr(run, "load_client", client)
        return host

    yield begin
    for name in set(sys.modules) - set(before):
        if name == "nuke" or name.startswith("vimatte_nuke"):
            del sys.modules[name]


@pytest.fixture
def plate(tmp_path: Path) -> str:
    """A plate with overscan; the path has a space and a letter beyond ASCII."""
    folder = tmp_path / "plättes of sh010"
    for frame in FRAMES:
        write_exr(folder / f"sh010.{frame}.exr", picture(frame))
    return (folder / "sh010.%04d.exr").as_posix()


@pytest.fixture
def masks(tmp_path: Path) -> str:
    """EXR layers with a mask each."""
    folder = tmp_path / "masks"
    for frame in FRAMES:
        planes = {f"{name}.A": disc for name, disc in discs(frame).items()}
        write_exr(folder / f"masks.{frame}.exr", planes)
    return (folder / "masks.%04d.exr").as_posix()


@pytest.fixture
def matted(start, plate: str, tmp_path: Path) -> Callable[..., SimpleNamespace]:
    """A node that shows hand-made mattes of two."""

    def make(
        gui: bool = True, names: tuple[str, ...] = ("anna", "ben"), **also: bool
    ) -> SimpleNamespace:
        host = start(gui=gui, script=tmp_path / "shot.nk")
        from vimatte_nuke import commands, readback, rows

        read(host, plate)
        node = commands.create()
        folder = publish(tmp_path / "out", list(names), plate, **also)
        found = [{"id": i, "name": n, "colour": [0.0, 1.0, 0.0]} for i, n in enumerate(names, 1)]
        rows.set_rows(node, found)
        readback.show(node, {"": folder})
        node["matted_from"].setValue(readback.state_of(node))
        return SimpleNamespace(host=host, node=node, folder=folder, readback=readback, rows=rows)

    return make
