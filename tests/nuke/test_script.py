"""A node as text: what is written is what is kept, and opens where the plug-in is absent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fake_nuke
import numpy as np
import pytest

GOLDEN = Path(__file__).resolve().parent / "golden"


def written(host: fake_nuke.Nuke, path: Path) -> str:
    host.copy_all(str(path))
    return path.read_text(encoding="utf-8")


def graph_of(group: Any) -> dict[str, Any]:
    """Return what a group is made of: classes, connections, knobs and expressions."""
    return {
        node.name(): (
            node.Class(),
            [source and source.name() for source in map(node.input, range(node.inputs()))],
            {n: k.toScript() for n, k in node.knobs().items()},
        )
        for node in group.nodes()
    }


def test_the_script_is_the_golden_one(start, tmp_path):
    """Written as text it is what is kept in golden/node.nk, whose every line can be read."""
    host = start()
    from vimatte_nuke import commands

    commands.create()
    path = tmp_path / "copied.nk"
    kept = GOLDEN / "node.nk"
    assert written(host, path) == kept.read_text(encoding="utf-8"), f"if meant: cp {path} {kept}"


def test_a_matted_node_is_the_golden_one(matted, tmp_path):
    """With rows, colour and a Cryptomatte; its Reads name a folder that is not there."""
    made = matted(colour=True, cryptomatte=True)
    made.node.setInput(0, None)
    made.host.module.delete(made.host.module.toNode("Read1"))
    for name in ("read_strict", "read_gui", "read_mark", "crypto_strict", "crypto_gui"):
        file = made.node.node(name)["file"]
        file.setValue(file.value().replace(made.folder.parent.as_posix(), "/mattes/sh010"))
    made.node["matted_from"].setValue("0123456789abcdef" * 2)
    path = tmp_path / "copied.nk"
    kept = GOLDEN / "matted.nk"
    assert written(made.host, path) == kept.read_text(encoding="utf-8"), (
        f"if meant: cp {path} {kept}"
    )


@pytest.mark.parametrize("name", ["node.nk", "matted.nk"])
def test_the_golden_text_is_parsed_back(start, tmp_path, name):
    """What is read is the graph that is built, and written again it is the same text."""
    host = start(gui=False)  # in the interface it would be marked: its mattes are missing
    text = (GOLDEN / name).read_text(encoding="utf-8")
    for layer in ("anna", "ben", "VideoInstanceMatte00"):
        host.module.Layer(layer, [f"{layer}.{c}" for c in ("red", "green", "blue", "alpha")])
    pasted = host.module.nodePaste(str(GOLDEN / name))
    assert written(host, tmp_path / "again.nk") == text
    if name == "node.nk":
        from vimatte_nuke import commands

        built = commands.create()
        assert graph_of(pasted) == graph_of(built)
        assert list(pasted.knobs()) == list(built.knobs())


@pytest.mark.parametrize("gui", [True, False])
def test_a_pasted_node_works_without_the_plug_in(matted, tmp_path, monkeypatch, gui):
    made = matted(gui=gui, colour=True, cryptomatte=True)
    made.node["foreground"].setValue(True)
    made.node["cryptomatte"].setValue(True)
    path = tmp_path / "copied.nk"
    made.host.copy_all(str(path))

    bare = fake_nuke.Nuke(gui=gui)
    bare.install()
    monkeypatch.setattr("sys.path", [p for p in sys.path if "nuke_plugin" not in p])
    for name in ("anna", "ben", "VideoInstanceMatte00"):
        bare.module.Layer(name, [f"{name}.{c}" for c in ("red", "green", "blue", "alpha")])
    pasted = bare.module.nodePaste(str(path))
    views = ["layers", "alpha", "overlay", "checkerboard", "isolated"]
    for view in views:
        for node in (made.node, pasted):
            node["matte_view"].setValue(view)
            node["solo_2"].setValue(view == "overlay")
        before, after = made.host.see(made.node, 1002), bare.see(pasted, 1002)
        assert set(after.channels) == set(before.channels)
        assert "VideoInstanceMatte00.red" in after.channels or view != "layers"
        for name, plane in before.channels.items():
            np.testing.assert_array_equal(after.channels[name], plane)
    with pytest.raises(ImportError):
        pasted["matte"].execute()  # and nothing but the button fails
