"""Every name and signature of `nuke` is held against the type stubs of the package types-nuke."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "nuke_plugin"
SOURCES = sorted(PLUGIN.rglob("*.py"))
# What a plug-in of ours may import beside the standard library.
OURS = {"nuke", "vimatte_nuke"}


def stubs() -> Path:
    folders = [Path(p) / "nuke-stubs" for p in sys.path]
    found = next((f for f in folders if f.is_dir()), None)
    if found is None:
        pytest.skip("types-nuke is not installed (pip install types-nuke)")
    return found


def test_names_signatures_and_types(tmp_path):
    """Mypy, strictly, against the stubs: a misspelt function or a wrong argument fails."""
    stubs()
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull]
    command += ["--cache-dir", str(tmp_path), "-p", "vimatte_nuke"]
    env = {**os.environ, "MYPYPATH": str(PLUGIN)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_fake_knows_only_names_of_the_stubs():
    """Else a test would pass with a name that Nuke does not have."""
    import fake_nuke

    text = "\n".join(p.read_text(encoding="utf-8") for p in stubs().glob("*.pyi"))
    tree = ast.parse(text.replace("from ._nuke", "from _nuke"))
    known = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    known |= {n.target.id for n in tree.body if isinstance(n, ast.AnnAssign)}
    public = {n for n in vars(fake_nuke.Nuke().module) if not n.startswith("_")}
    assert public - known == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.name)
def test_python_39_and_few_imports(path):
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            assert top in OURS or top in sys.stdlib_module_names, f"{path.name} imports {name}"
        assert not isinstance(node, ast.Match)
        # X | Y is no annotation at run time in 3.9: only under the future import.
    future = "from __future__ import annotations"
    assert path.parent == PLUGIN or path.name == "__init__.py" or future in path.read_text()


def test_the_client_of_the_worker_is_found_without_vimatte():
    code = "import sys, vimatte_nuke.worker as w; m = w.load_client(); assert m.WorkerClient;"
    code += "assert not [n for n in sys.modules if n == 'vimatte' or n.startswith('vimatte.')]"
    subprocess.run([sys.executable, "-S", "-c", code], check=True, cwd=PLUGIN)


def made_and_set() -> tuple[set[str], set[str]]:
    """Return the classes of nodes the plug-in makes, and the knobs it names anywhere."""
    classes, knobs = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "nuke.nodes":
                classes.add(node.attr)
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                knobs.add(node.slice.value)
    return classes, knobs


def test_the_smoke_test_holds_every_class_and_knob(start):
    """What no stub knows, classes of nodes and their knobs, is held against a real Nuke by name."""
    import fake_classes
    from test_host_smoke import ROOT, load

    start()
    smoke = load(ROOT / "tests" / "host_smoke" / "nuke_smoke.py").CLASSES
    classes, named = made_and_set()
    assert set(smoke) == classes
    for kind, knobs in smoke.items():
        there = {knob.name(): knob for knob in fake_classes.knobs_of(kind)[1]}
        if kind == "Write":
            there.update({knob.name(): knob for knob in fake_classes.exr_options()})
        for name, values in knobs.items():
            assert name in there, f"the fake's {kind} has no {name}"
            assert set(values or ()) <= set(getattr(there[name], "choices", ()))
        # A knob of the class that the plug-in names somewhere is in the smoke test, too.
        looks = {"label", "tile_color", "xpos", "ypos", "disable"}
        read_only = {"colorspace", "premultiplied", "frame"}  # checked by read_knobs
        assert set(there) & named - looks - read_only <= set(knobs), kind


def test_every_class_is_named_in_the_manual():
    manual = (PLUGIN.parent / "docs" / "nuke-smoke-test.md").read_text(encoding="utf-8")
    classes, _ = made_and_set()
    assert [name for name in sorted(classes) if f"`{name}`" not in manual] == []
