"""What holds for the repository as a whole."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import vimatte
from vimatte import errors
from vimatte._version import __version__

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "core" / "vimatte"
HEAVY = {"torch", "cv2", "av", "OpenImageIO", "scipy", "PIL", "ai_edge_litert", "rich"}
# Where a package on an index is called otherwise than what it is imported as.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "scenedetect": "scenedetect-headless",
    "ai_edge_litert": "ai-edge-litert",
    "openjd": "openjd-model",
}


@cache
def repository_files() -> tuple[Path, ...]:
    """Return the files that are, or would be, part of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = (ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)
    return tuple(path for path in paths if path.is_file())


def text_files() -> list[tuple[Path, str]]:
    texts = []
    for path in repository_files():
        data = path.read_bytes()
        if b"\0" not in data[:8192] and len(data) < 2_000_000:
            texts.append((path, data.decode("utf-8", errors="replace")))
    return texts


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh Python has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "core")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(done.stdout.split())


def test_the_public_names_are_these() -> None:
    assert sorted(vimatte.__all__) == [
        "FrameRange",
        "FrameResult",
        "MatteSession",
        "Plan",
        "Settings",
        "Shot",
        "VimatteError",
        "Window",
        "__version__",
        "matte",
    ]
    for name in vimatte.__all__:
        assert getattr(vimatte, name) is not None


def test_the_version_stands_in_one_place() -> None:
    assert vimatte.__version__ == __version__
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in pyproject
    assert not re.search(r"(?m)^version *= *\"", pyproject)
    literal = f'"{__version__}"'
    places = [path for path, text in text_files() if path.is_relative_to(CORE) and literal in text]
    assert [path.name for path in places] == ["_version.py"]


def test_the_changelog_tells_of_the_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_importing_the_package_is_light() -> None:
    assert not modules_after("import vimatte") & (HEAVY | {"numpy"})


@pytest.mark.parametrize(
    "statement",
    [
        "import vimatte; [getattr(vimatte, name) for name in vimatte.__all__]",
        "import vimatte.cli.main as cli; cli.build_parser()",
        "import vimatte.models.registry",
        "import vimatte.guidance.registry",
    ],
    ids=["every-public-name", "parsing", "models", "guidance"],
)
def test_torch_stays_out_of_planning_parsing_and_listing(statement: str) -> None:
    assert "torch" not in modules_after(statement)


def test_the_tree_of_errors_is_the_one_that_is_documented() -> None:
    drawn: dict[str, tuple[str | None, int]] = {}
    above: list[tuple[str, int]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ │├└─]*)([A-Z][A-Za-z]+)\s*(\d+)?", line.removeprefix("    "))
        if not found or not (found[1] or found[2] == "VimatteError"):
            continue
        depth = len(found[1]) // 4
        parent = above[depth - 1] if depth else (None, 1)
        code = int(found[3]) if found[3] else parent[1]
        drawn[found[2]] = (parent[0], code)
        above[depth:] = [(found[2], code)]
    real = {
        name: (None if cls is errors.VimatteError else cls.__bases__[0].__name__, cls.exit_code)
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, errors.VimatteError)
    }
    assert drawn == real
    codes = [cls.code for cls in vars(errors).values() if hasattr(cls, "exit_code")]
    assert len(set(codes)) == len(codes)


def test_modules_are_short() -> None:
    # Carried alone to machines that have nothing of ours.
    one_file_by_nature = {
        ROOT / "install.py": 450,
        ROOT / "tests" / "host_smoke" / "nuke_smoke.py": 500,
    }
    long = {
        str(path.relative_to(ROOT)): text.count("\n")
        for path, text in text_files()
        if path.suffix == ".py" and text.count("\n") > one_file_by_nature.get(path, 400)
    }
    assert not long


def test_no_host_of_a_package_registry_and_no_path_of_a_machine_is_named() -> None:
    hosts = {
        "py" + "pi": "org",
        "pythonhosted": "org",
        "debian": "org",
        "npm" + "js": "org",
        "download.pytorch": "org",
        "anaconda": "(?:org|com)",
        "conda": "io",
    }
    names = "|".join(rf"{name}\.{end}" for name, end in hosts.items())
    paths = "|".join(["/" + "work/", "/" + "tmp/venv", "/" + "root/", "/" + "opt/(?:wheels|py)"])
    forbidden = re.compile(rf"(?i:\b(?:{names})\b)|(?<![\w.])(?:{paths})")
    named = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path, text in text_files()
        if (found := forbidden.search(text))
    ]
    assert not named


def test_every_dependency_is_pinned_and_no_second_opencv() -> None:
    pins: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            found = re.fullmatch(r"([a-z0-9-]+)==(\S+)(?: ; .+)?", line)
            assert found, f"not a pin: {line}"
            pins.setdefault(found[1], []).append(found[2])
    assert pins["torch"] == ["2.13.0"], "the release whose CPU and CUDA builds were tried"
    assert "opencv-python" not in pins
    assert "scenedetect" not in pins, "it pulls the other OpenCV: scenedetect-headless does not"

    pyproject = (ROOT / "pyproject.toml").read_text()
    block = pyproject.split("[project]")[1].split("[project.scripts]")[0]
    wanted = re.findall(r'"([A-Za-z][A-Za-z0-9_.-]*)[><=]=[^"]*"', block)
    assert len(wanted) > 15
    for name in wanted:
        assert re.sub(r"[-_.]+", "-", name).lower() in pins, f"run scripts/lock: {name}"


def test_every_import_is_declared_and_every_declaration_imported() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    base = pyproject.split("dependencies = [")[1].split("\n]")[0]
    optional = pyproject.split("[project.optional-dependencies]")[1].split("[project.scripts]")[0]
    name = re.compile(r'"([A-Za-z][A-Za-z0-9_.-]*)[><=]=')
    required = {found.lower() for found in name.findall(base)}
    known = required | {found.lower() for found in name.findall(optional)}

    imported = set()
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    imported -= {*sys.stdlib_module_names, "vimatte"}
    wanted = {PACKAGES.get(module, module).lower() for module in imported}
    assert not wanted - known, "declare these in pyproject.toml, then run scripts/lock"
    assert not required - wanted, "nothing in core imports these"


def test_scripts_can_be_run() -> None:
    scripts = [ROOT / "scripts" / "check", ROOT / "scripts" / "test", ROOT / ".ci" / "run"]
    for script in scripts:
        assert os.access(script, os.X_OK) or os.name == "nt", script
        assert script.read_bytes().startswith(b"#!/usr/bin/env bash\n")
    assert "python3 install.py test" in (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "python3 install.py demo" in readme
    assert "python3 install.py test" in readme


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)} -> {target}"
        for path, text in text_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:]+)\)", text)
        if not (path.parent / target).exists()
    ]
    assert not broken
