"""The wheel, as a user gets it: built, checked, installed where no checkout is, and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from vimatte._version import __version__

ROOT = Path(__file__).resolve().parent.parent
BUILD_WHEEL = [sys.executable, str(ROOT / "scripts" / "build_wheel")]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without what leads to the checkout: PYTHONPATH, and a session's folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # pip's own settings of a studio or a user may not add an index: nothing is fetched here.
    env |= {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONNOUSERSITE": "1"}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = run([*BUILD_WHEEL, "-o", str(folder)], folder)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    assert built.name == f"vimatte-{__version__}-py3-none-any.whl"
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh environment that holds the wheel, and borrows only what it depends on."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    site = site_of(home)
    done = pip(home, "install", "--quiet", "--no-deps", str(wheel))
    assert done.returncode == 0, done.stderr
    # A folder named in a .pth comes after the environment's own, and no .pth in it is read: so
    # the checkout that is installed as editable there stays out of sight.
    borrowed = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    (site / "borrowed.pth").write_text("\n".join(borrowed) + "\n")
    return home


def site_of(home: Path) -> Path:
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    return Path(sysconfig.get_path("purelib", scheme, {"base": str(home)}))


def program(home: Path, name: str) -> str:
    if os.name == "nt":
        return str(home / "Scripts" / f"{name}.exe")
    return str(home / "bin" / name)


def pip(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--python", program(home, "python"), *arguments]
    return run(command, home)


def write_shot(folder: Path) -> None:
    """Write two frames of a bright disc on a dark ground, and its coarse masks."""
    for name in ("plate", "masks/anna"):
        (folder / name).mkdir(parents=True)
    y, x = np.mgrid[:64, :96]
    disc = (x - 48) ** 2 + (y - 32) ** 2
    for frame in (1001, 1002):
        picture = np.where(disc[..., None] < 20**2, [0.8, 0.6, 0.5], [0.05, 0.08, 0.1])
        mask = (disc < 17**2)[..., None]
        write_image(folder / "plate" / f"sh.{frame}.png", picture)
        write_image(folder / "masks" / "anna" / f"m.{frame}.png", mask)


def write_image(path: Path, pixels: np.ndarray) -> None:
    buffer = oiio.ImageBuf(np.ascontiguousarray(pixels, dtype=np.float32))
    assert buffer.write(str(path), oiio.UINT8), buffer.geterror()


def test_the_code_that_runs_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    code = "import sys, vimatte; print(vimatte.__file__, *sys.path, sep='\\n')"
    done = run([program(installed, "python"), "-c", code], tmp_path)
    assert done.returncode == 0, done.stderr
    file, *path = done.stdout.splitlines()
    assert Path(file).resolve() == (site_of(installed) / "vimatte" / "__init__.py").resolve()
    assert str(ROOT / "core") not in path
    version = run([program(installed, "vimatte"), "--version"], tmp_path)
    assert version.stdout == f"vimatte {__version__}\n"


def test_it_names_its_networks(installed: Path, tmp_path: Path) -> None:
    done = run([program(installed, "vimatte"), "models", "--json"], tmp_path)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(row["name"] == "msgvim-lite" for row in rows)


def test_a_matte_and_its_page_come_out_of_it(installed: Path, tmp_path: Path) -> None:
    write_shot(tmp_path)
    command = [program(installed, "vimatte"), "matte", "plate/sh.####.png", "-o", "out"]
    done = run([*command, "--guidance", "masks:masks", "--device", "cpu"], tmp_path)
    assert done.returncode == 0, done.stderr
    version = tmp_path / "out" / "v001"
    assert "anna" in (version / "qc.html").read_text(encoding="utf-8")
    frames = sorted((version / "exr").glob("*.exr"))
    assert [frame.name for frame in frames] == ["sh.1001.exr", "sh.1002.exr"]
    for frame in frames:
        picture = oiio.ImageBuf(str(frame))
        alpha = picture.get_pixels()[..., picture.spec().channelnames.index("anna.A")]
        assert alpha[32, 48] > 0.9
        assert alpha[2, 2] < 0.1


def test_the_extra_for_people_is_one_that_pip_can_install(installed: Path, wheel: Path) -> None:
    (found,) = (d for d in distributions(path=[str(site_of(installed))]) if d.name == "vimatte")
    assert set(found.metadata.get_all("Provides-Extra", [])) == {
        "people",
        "farm",
        "fuzz",
        "ui",
        "dev",
    }
    assert wanted_by(found, "people") == ["ai-edge-litert"]
    assert found.metadata["License-Expression"] == "MIT"
    # pip resolves it, without the network, from what the environment has; nothing is changed.
    done = pip(installed, "install", "--dry-run", f"{wheel}[people]")
    assert done.returncode == 0, done.stderr
    assert "ai-edge-litert" in done.stdout
    assert "vimatte does not provide the extra" not in done.stderr


def wanted_by(found: Distribution, extra: str) -> list[str]:
    lines = [line.split(";") for line in found.requires or [] if f'extra == "{extra}"' in line]
    return [line[0].split(">")[0].strip() for line in lines]


def rebuilt(wheel: Path, folder: Path, *, without: str = "", added: dict[str, bytes]) -> Path:
    """Return a copy of a wheel that lacks a file or has others besides, or other content."""
    copy = folder / wheel.name
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            if name not in added and not (without and name.endswith(without)):
                new.writestr(name, old.read(name))
        for name, data in added.items():
            new.writestr(name, data)
    return copy


@pytest.mark.parametrize(
    ("without", "added", "line"),
    [
        (".safetensors", {}, "the network's weights must be in the wheel"),
        (".html.j2", {}, "the templates of pages must be in the wheel"),
        ("py.typed", {}, "vimatte/py.typed is not in the wheel"),
        ("/licenses/LICENSE", {}, "the licence must be in the wheel"),
        ("/THIRD_PARTY_NOTICES.md", {}, "the third-party notices must be in the wheel"),
        ("", {"tests/test_a.py": b""}, "tests/test_a.py does not belong into the wheel"),
        ("", {"vimatte/plate.exr": b"\0" * (5 << 20)}, "vimatte/plate.exr has 5242880 bytes"),
        (
            "",
            {f"vimatte-{__version__}.dist-info/METADATA": b"Name: vimatte\nVersion: 9.9\n\n"},
            "the wheel says version 9.9",
        ),
    ],
)
def test_a_wheel_that_is_not_right_is_refused(
    wheel: Path, tmp_path: Path, without: str, added: dict[str, bytes], line: str
) -> None:
    bad = rebuilt(wheel, tmp_path, without=without, added=added)
    done = run([*BUILD_WHEEL, "--check", str(bad)], tmp_path)
    assert done.returncode == 1
    assert f"build_wheel: error: {line}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_release_waits_for_the_changelog_and_the_urls(wheel: Path, tmp_path: Path) -> None:
    # What the repository lacks at this moment is told; what it has is not.
    done = run([*BUILD_WHEEL, "--release", "--check", str(wheel)], tmp_path)
    notes = (ROOT / "CHANGELOG.md").read_text().split("## [Unreleased]")[1].split("\n## ")[0]
    assert ("CHANGELOG.md has lines under [Unreleased]" in done.stderr) == bool(notes.strip())
    filled = "\n[project.urls]" in (ROOT / "pyproject.toml").read_text()
    assert ("[project.urls] in pyproject.toml must give" in done.stderr) != filled


def test_a_placeholder_is_no_url(wheel: Path, tmp_path: Path) -> None:
    name = f"vimatte-{__version__}.dist-info/METADATA"
    with zipfile.ZipFile(wheel) as archive:
        said = archive.read(name)
    said = said.replace(b"\n", b"\nProject-URL: Source, https://project.example/vimatte\n", 1)
    bad = rebuilt(wheel, tmp_path, added={name: said})
    done = run([*BUILD_WHEEL, "--check", str(bad)], tmp_path)
    assert done.returncode == 1
    assert "a project URL is still the placeholder" in done.stderr


def test_a_file_that_is_no_wheel_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"no zip")
    done = run([*BUILD_WHEEL, "--check", "a.whl"], tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
