"""Blender itself, as the bpy module, in an environment of its own for every version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from blender_support import make_material

ROOT = Path(__file__).parents[2]
#: Set by scripts/test --all-blenders and by CI.
VERSIONS = os.environ.get("VIMATTE_BLENDERS", "").split()


def python311() -> str:
    """Return a Python 3.11, which the bpy wheels need; a missing one is a failure, not a skip."""
    for name in (sys.executable, shutil.which("python3.11"), shutil.which("python3")):
        if name is None:
            continue
        code = "import sys; print(sys.version_info[:2] == (3, 11))"
        done = subprocess.run([name, "-c", code], capture_output=True, text=True, check=False)
        if done.stdout.strip() == "True":
            return name
    pytest.fail("the bpy wheels need Python 3.11 (python3.11 on the path), and there is none")


def environment(version: str) -> Path:
    """Return the Python of an environment with this bpy; made once and kept."""
    home = os.environ.get("VIMATTE_BPY_HOME") or Path.home() / ".cache" / "vimatte" / "bpy"
    folder = Path(home) / version
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python311(), "-m", "venv", str(folder)], check=True)
        command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*command, f"bpy=={version}"], check=True)
        (folder / "complete").write_text("")
    return python


@pytest.fixture(scope="session", params=VERSIONS or ["none"])
def blender(request: pytest.FixtureRequest) -> Path:
    """The Python of each Blender."""
    if request.param == "none":
        pytest.skip("no Blender asked for: scripts/test --all-blenders")
    return environment(request.param)


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the clips, the extension, and mattes that say which frame they are of."""
    return make_material(tmp_path_factory.mktemp("blender"))
