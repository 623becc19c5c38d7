"""The script for a real Nuke runs in the fake, so that a licence is not spent on a typing error."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_check_passes_in_the_fake(start, tmp_path):
    host = start(gui=False, script=tmp_path / "smoke.nk")
    smoke = load(ROOT / "tests" / "host_smoke" / "nuke_smoke.py")
    failed = smoke.main(tmp_path)
    assert failed == 0, "\n".join(host.printed)
    assert host.printed[-1] == f"{len(smoke.CHECKS)} checks, 0 failed"


def test_every_check_is_in_the_manual():
    smoke = (ROOT / "tests" / "host_smoke" / "nuke_smoke.py").read_text(encoding="utf-8")
    manual = (ROOT / "docs" / "nuke-smoke-test.md").read_text(encoding="utf-8")
    names = [part.partition("(")[0] for part in smoke.split("@check\ndef ")[1:]]
    assert len(names) > 15
    assert [name for name in names if f"`{name}`" not in manual] == []


@pytest.mark.parametrize("there", [None, b"print('mine')", b"a = 1\n# caf\xe9\n"])
def test_install_adds_one_line_and_takes_it_out(tmp_path, start, there, monkeypatch):
    host = start()
    from vimatte_nuke import user_init

    path = tmp_path / "home of me" / "init.py"
    python = tmp_path / "env" / "bin" / "python"
    monkeypatch.delenv("VIMATTE_PYTHON")
    if there is not None:
        path.parent.mkdir()
        path.write_bytes(there)
    user_init.change_init(path.parent, python, remove=False, dry_run=True)
    assert path.exists() == (there is not None)
    for _ in range(2):
        user_init.change_init(path.parent, python, remove=False, dry_run=False)
    new = path.read_bytes()
    assert new.startswith(there or b"") and new.count(b"pluginAddPath") == 1
    exec(new.decode("latin-1"), {})
    assert host.plugin_paths == [(ROOT / "nuke_plugin").as_posix()]
    assert os.environ["VIMATTE_PYTHON"] == python.as_posix()
    user_init.change_init(path.parent, python, remove=True, dry_run=False)
    assert path.read_bytes().rstrip(b"\n") == (there or b"").rstrip(b"\n")
    assert list(path.parent.iterdir()) == [path]


def test_a_line_whose_folder_has_gone_does_nothing(start):
    host = start()
    from vimatte_nuke import user_init

    exec(user_init.line_for(Path('/gone/with "quotes" and é'), Path("python")), {})
    assert host.plugin_paths == []


def test_the_command_of_install(tmp_path):
    """Removing asks for no environment and touches none."""
    (tmp_path / "init.py").write_text("a = 1\n")
    command = [sys.executable, str(ROOT / "install.py"), "nuke", "--uninstall"]
    command += ["--nuke-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "nothing to change" in done.stdout
    command = [sys.executable, str(ROOT / "install.py"), "demo", "--uninstall"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2
