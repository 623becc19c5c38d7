"""Objects of a Cryptomatte guide the network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nuke_support import FRAMES, discs, planes, press, read, write_exr

from vimatte.output.cryptomatte import header_attributes, layer_channels, rank

NAMES = ("/world/anna", "ben")


def write_cryptomatte(folder: Path, *, manifest: str | None = None) -> str:
    """Write a Cryptomatte of two discs by the core; the first has an object's whole path."""
    header = header_attributes(NAMES)
    if manifest is not None:
        header = {k: manifest if k.endswith("manifest") else v for k, v in header.items()}
    for frame in FRAMES:
        shapes = dict(zip(NAMES, discs(frame).values(), strict=True))
        alphas = {name: disc.astype(np.float16) for name, disc in shapes.items()}
        pixels = rank((96, 160), NAMES, alphas)
        layers = {name: pixels[..., n] for n, name in enumerate(layer_channels(2))}
        write_exr(folder / f"ids.{frame}.exr", layers, attributes=header, kind="float")
    return (folder / "ids.%04d.exr").as_posix()


@pytest.fixture
def guided(start, plate, tmp_path):
    def make(pattern: str):
        host = start(script=tmp_path / "shot.nk")
        from vimatte_nuke import commands

        ids = read(host, pattern)
        read(host, plate)
        node = commands.create()
        node.setInput(1, ids)
        node["guidance_mode"].setValue("Cryptomatte of guidance")
        return host, node

    return make


def test_objects_become_masks_and_mattes(guided, tmp_path):
    host, node = guided(write_cryptomatte(tmp_path / "ids"))
    from vimatte_nuke import run

    masks = Path(run.requests(node)[""]["masks"])
    assert sorted(p.name for p in masks.iterdir()) == ["anna", "ben"]
    for frame in FRAMES:
        for name, disc in discs(frame).items():
            alpha = planes(masks / name / f"mask.{frame}.exr")["A"]
            np.testing.assert_array_equal(alpha, disc)
    assert node.node("crypto_pick")["disable"].value() is True
    node["names"].setValue("/world/anna")
    only = Path(run.requests(node)[""]["masks"])
    assert [p.name for p in only.iterdir()] == ["anna"] and only != masks
    node["names"].setValue("")
    press(host, node, "matte")
    assert node["status"].value() == "3 frames matted"
    assert host.see(node, 1002).channels["anna.alpha"].max() > 0.9
    assert host.see(node, 1002).channels["ben.alpha"].max() > 0.9


def test_what_cannot_be_chosen(guided, tmp_path, plate):
    host, node = guided(write_cryptomatte(tmp_path / "ids"))

    def told() -> str:
        node["matte"].execute()
        return str(node["status"].value())

    node["names"].setValue("car,ben")
    assert told() == "the Cryptomatte has no object car"
    node["names"].setValue("")
    many = json.dumps({f"o{n}": f"{n:08x}" for n in range(40)})
    node.setInput(1, read(host, write_cryptomatte(tmp_path / "many", manifest=many)))
    assert "has 40 objects" in told()
    same = json.dumps({"a/x": "00000001", "b/x": "00000002"})
    node.setInput(1, read(host, write_cryptomatte(tmp_path / "same", manifest=same)))
    assert "the same layer" in told()
    for n, broken in enumerate(("", "[1]", '{"a": 5}', '{"a": "zz"}', '{"a": "7f800001"}')):
        pattern = write_cryptomatte(tmp_path / f"broken{n}", manifest=broken)
        node.setInput(1, read(host, pattern))
        assert "no Cryptomatte with a manifest" in told(), broken
    node["guidance_mode"].setValue("layers of guidance")  # ids are no masks
    node.setInput(1, read(host, write_cryptomatte(tmp_path / "again")))
    assert "choose 'Cryptomatte of guidance'" in told()
    node["guidance_mode"].setValue("Cryptomatte of guidance")
    node.setInput(1, read(host, plate))
    assert "no Cryptomatte" in told()
    node.setInput(1, None)
    assert "connect masks" in told()


def test_an_objects_name_becomes_a_layers(start):
    start()
    from vimatte_nuke.cryptomatte import _legal

    for name, layer in (("/a/b", "b"), ("9", "o_9"), ("a b:c", "a_b_c"), ("x" * 40, "x" * 24)):
        assert _legal(name) == layer
