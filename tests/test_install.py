"""install.py on small checkouts: a real pip and real environments, but wheels from a folder."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
INSTALLER = ROOT / "install.py"
MARKER = "vimatte-install.json"
BIN = "Scripts" if os.name == "nt" else "bin"

# A build backend of its own, so that nothing has to be fetched to build the small checkout.
BACKEND = """
import zipfile, pathlib
INFO = "vimatte-0.1.0.dist-info/"
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "vimatte-0.1.0-py3-none-any.whl"
    files = {
        "vimatte_here.pth": str(pathlib.Path.cwd() / "core"),
        INFO + "METADATA": "Metadata-Version: 2.1\\nName: vimatte\\nVersion: 0.1.0\\n"
        + "".join(f"Provides-Extra: {e}\\n" for e in ("people", "farm", "ui", "dev")),
        INFO + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        INFO + "entry_points.txt": "[console_scripts]\\nvimatte = vimatte:main\\n",
    }
    files[INFO + "RECORD"] = "".join(f"{f},,\\n" for f in [*files, INFO + "RECORD"])
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# As much of the command line as the demo needs.
VIMATTE = """
import json, pathlib, sys
def main():
    words = sys.argv[1:]
    if words[:2] == ["weights", "fetch"]:
        print(json.dumps({"type": "fetched", "folder": str(pathlib.Path("clips").resolve())}))
        return 0
    clip, out = pathlib.Path(words[1]), pathlib.Path(words[words.index("-o") + 1])
    if not clip.is_file():
        print("vimatte: no such clip", file=sys.stderr)
        return 3
    (out / "v001").mkdir(parents=True)
    return 0
"""


def write_torch(folder: Path, version: str, build: str | None) -> None:
    """Write a wheel that calls itself torch and names its build as torch does."""
    info = f"torch-{version}.dist-info"
    body = f"class version:\n    cuda = {build!r}\n"
    # As some wheels do, it lists byte code of its packager's: Python has its own.
    compiled = "torch/__pycache__/__init__.cpython-311.pyc,,1\n"
    record = f"torch/__init__.py,,{len(body)}\n{compiled}{info}/METADATA,,\n{info}/WHEEL,,\n"
    record += f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("torch/__init__.py", body)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr(f"{info}/RECORD", record)


class Checkout:
    """A small checkout in a folder whose name has a space."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a checkout"
        self.venv = self.root / ".venv"
        self.wheels = folder / "wheels"
        for part in (self.root / "core" / "vimatte", self.wheels):
            part.mkdir(parents=True)
        shutil.copy(INSTALLER, self.root)
        (self.root / "constraints.txt").write_text("torch==2.13.0\n")
        (self.root / "pyproject.toml").write_text(PYPROJECT)
        (self.root / "backend.py").write_text(BACKEND)
        (self.root / "core" / "vimatte" / "__init__.py").write_text(VIMATTE)
        write_torch(self.wheels, "2.13.0+cpu", None)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(self.root / "install.py"), *words]

    def environment(self) -> dict[str, str]:
        env = {name: v for name, v in os.environ.items() if not name.startswith("PIP_")}
        return {
            **env,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.wheels,  # from any folder
            env=self.environment(),
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )

    def tree(self) -> dict[str, int]:
        files = (path for path in self.root.rglob("*") if "__pycache__" not in path.parts)
        return {str(path): path.lstat().st_mtime_ns for path in files}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One installed checkout; the tests that share it leave it installed."""
    checkout = Checkout(tmp_path_factory.mktemp("installed"))
    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    yield checkout


def test_parses_on_python_3_6_to_say_that_it_is_too_old() -> None:
    ast.parse(INSTALLER.read_text(), feature_version=(3, 6))


def test_an_old_python_is_told_so_in_one_line() -> None:
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 18); "
        "sys.argv = ['install.py']; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "Python 3.10 or newer" in done.stderr
    assert "3.8" in done.stderr


@pytest.mark.parametrize("words", [(), ("demo",), ("test", "--", "-k", "window"), ("--uninstall",)])
def test_a_dry_run_tells_and_touches_nothing(checkout: Checkout, words: tuple[str, ...]) -> None:
    before = checkout.tree()
    done = checkout.run("--dry-run", *words)
    assert done.returncode == 0, done.stderr
    assert checkout.tree() == before
    if words == ("--uninstall",):
        assert "nothing to remove" in done.stdout
        return
    assert "-m venv" in done.stdout
    assert "pip install" in done.stdout
    assert "-c constraints.txt torch==2.13.0" in done.stdout
    assert ("'.[dev,farm,people,ui]'" if "test" in words else "'.[farm,people]'") in done.stdout
    if "demo" in words:
        assert "weights fetch demo-clip" in done.stdout
        assert "--guidance people" in done.stdout
    if "test" in words:
        assert "scripts/test --slow -k window" in done.stdout


def test_installs_and_says_where(installed: Checkout) -> None:
    python = installed.venv / BIN / "python"
    said = subprocess.run(
        [python, "-I", "-c", "import torch, vimatte; print(vimatte.__file__)"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert Path(said.stdout.strip()) == installed.root / "core" / "vimatte" / "__init__.py"
    marker = json.loads((installed.venv / MARKER).read_text())
    assert marker["extras"] == ["farm", "people"]
    assert marker["digest"]


def test_a_second_run_is_quick_and_changes_nothing(installed: Checkout) -> None:
    before = installed.tree()
    start = time.monotonic()
    done = installed.run()
    seconds = time.monotonic() - start
    assert done.returncode == 0
    assert "vimatte is installed" in done.stdout
    assert "[1/" not in done.stdout
    assert installed.tree() == before
    assert seconds < 2 + 2 * float(os.getloadavg()[0] if hasattr(os, "getloadavg") else 0)


def test_more_extras_are_added_to_what_is_there(installed: Checkout) -> None:
    done = installed.run("--extras", "ui", "--dry-run")
    assert "'.[farm,people,ui]'" in done.stdout
    assert "-m venv" not in done.stdout
    assert "would remove" not in done.stdout


def test_changed_pins_are_noticed(installed: Checkout) -> None:
    pins = installed.root / "constraints.txt"
    before = pins.read_text()
    pins.write_text(before + "numpy==2.4.6\n")
    try:
        assert "pip install" in installed.run("--dry-run").stdout
    finally:
        pins.write_text(before)


def test_another_build_of_torch_means_a_new_environment(installed: Checkout) -> None:
    done = installed.run("--torch", "cuda", "--dry-run")
    assert "another build of torch" in done.stdout
    assert f"would remove {installed.venv}" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_the_demo_says_where_the_mattes_are(installed: Checkout) -> None:
    clips = installed.root / "clips"
    missing = installed.run("demo")
    assert missing.returncode == 3
    assert "no such clip" in missing.stderr
    clips.mkdir()
    (clips / "bikes.mp4").write_bytes(b"film")
    done = installed.run("demo")
    assert done.returncode == 0
    assert str(installed.root / "demo" / "bikes" / "v001") in done.stdout


@pytest.mark.parametrize(
    ("pattern", "left", "said"),
    [
        ("**/site-packages/torch/__init__.py", "", "torch/__init__.py of torch is missing or cut"),
        ("**/site-packages/torch/__init__.py", None, "torch/__init__.py of torch is missing"),
        ("**/torch-*.dist-info/RECORD", None, "torch is half installed"),
        (f"{BIN}/python", None, "its Python does not run"),
        ("**/vimatte_here.pth", None, "vimatte of this folder"),
        (MARKER, "{", "its marker file is unreadable"),
    ],
    ids=["cut-short", "missing", "no-record", "no-python", "no-vimatte", "marker"],
)
@pytest.mark.skipif(os.name == "nt", reason="moves an environment's files about")
def test_damage_is_noticed(
    installed: Checkout, tmp_path: Path, pattern: str, left: str | None, said: str
) -> None:
    victim = next(installed.venv.glob(pattern))
    victim.rename(tmp_path / "kept")
    if left is not None:
        victim.write_text(left)
    try:
        done = installed.run("--dry-run")
    finally:
        (tmp_path / "kept").replace(victim)
    assert done.returncode == 0
    assert "is made anew: " in done.stdout
    assert said in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_install_is_repaired_and_then_uninstalled(checkout: Checkout) -> None:
    with subprocess.Popen(
        checkout.command(),
        env=checkout.environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout or ():
            if "[3/4]" in line:
                os.killpg(process.pid, signal.SIGKILL)
                break
    assert json.loads((checkout.venv / MARKER).read_text())["digest"] == ""

    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((checkout.venv / MARKER).read_text())["digest"]

    mine = checkout.root / "demo" / "bikes"
    mine.mkdir(parents=True)
    done = checkout.run("--uninstall")
    assert done.returncode == 0
    assert not checkout.venv.exists()
    assert mine.is_dir()
    assert (checkout.root / "core" / "vimatte" / "__init__.py").is_file()


@pytest.mark.parametrize("words", [(), ("--uninstall",), ("--dry-run",), ("test",)])
def test_a_folder_that_is_not_ours_is_left_alone(
    checkout: Checkout, tmp_path: Path, words: tuple[str, ...]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work")
    done = checkout.run("--venv", str(theirs), *words)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1
    assert "not made by install.py" in done.stderr
    assert [path.name for path in theirs.iterdir()] == ["thesis.txt"]


def test_a_missing_build_of_torch_is_one_clear_line(checkout: Checkout) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux builds of torch carry a label")
    done = checkout.run("--torch", "cuda")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert re.search(r"torch===2\.13\.0.*vimatte-install\.log", done.stderr)
    assert "torch===2.13.0" in (checkout.venv / "vimatte-install.log").read_text()
    assert "torch==2.13.0\n" in checkout.run("--dry-run").stdout, "a failed choice does not stick"

    elsewhere = checkout.root / "elsewhere"
    elsewhere.mkdir()
    write_torch(elsewhere, "2.13.0+cu130", "13.0")
    done = checkout.run("--torch", "cuda", "--torch-index", str(elsewhere))
    assert done.returncode == 0, done.stderr
    assert "torch for CUDA 13.0" in done.stdout


@pytest.mark.parametrize(
    "words",
    [("nuke3",), ("--extras", "fram"), ("--torch", "rocm"), ("--uninstall", "test"), ("--", "-k")],
)
def test_a_malformed_command_line_ends_with_2(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, str(INSTALLER), *words],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "install.py: error:" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_real_thing_in_an_environment_of_its_own(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    command = [sys.executable, str(INSTALLER), "--venv", str(venv)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, check=False, text=True, timeout=1700
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = subprocess.run(
        [venv / BIN / "vimatte", "--version"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert said.stdout.startswith("vimatte ")
    listed = subprocess.run(
        [venv / BIN / "python", "-m", "pip", "list", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert "opencv-python-headless" in names
    assert "opencv-python" not in names
    again = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    assert again.returncode == 0
    assert "[1/" not in again.stdout
