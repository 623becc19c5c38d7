from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vimatte.frames.types import FrameHeader
from vimatte.output.cryptomatte import (
    NAME,
    extract,
    header_attributes,
    layer_channels,
    murmur3,
    name_id,
    rank,
)
from vimatte.output.exr_file import read_layers, write_exr
from vimatte.output.exr_layers import round_alphas

Alphas = dict[str, np.ndarray]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("abc", 0xB3DD93FA),
        ("hello", 0x248BFA47),
        ("hello, world", 0x149BBB7F),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_the_published_values_of_the_hash(text: str, expected: int) -> None:
    assert murmur3(text) == expected


def test_an_id_is_always_a_normal_number() -> None:
    ids = np.array([name_id(f"person{n:05d}") for n in range(20_000)], np.uint32)
    floats = ids.view(np.float32)
    assert np.isfinite(floats).all()
    assert (np.abs(floats) >= np.finfo(np.float32).tiny).all()
    raw = {n: murmur3(f"person{n:05d}") for n in range(20_000)}
    flipped = [n for n, bits in raw.items() if bits >> 23 & 0xFF in (0, 0xFF)]
    assert flipped  # else the rule was not tried
    for n in flipped:
        assert name_id(f"person{n:05d}") == raw[n] ^ 1 << 23


def test_the_header_says_who_is_who() -> None:
    attributes = header_attributes(["anna", "bert"])
    key = f"cryptomatte/{murmur3(NAME):08x}"[: len("cryptomatte/") + 7]
    assert set(attributes) == {f"{key}/{n}" for n in ("name", "hash", "conversion", "manifest")}
    assert attributes[f"{key}/name"] == NAME
    manifest = json.loads(attributes[f"{key}/manifest"])
    assert manifest == {"anna": f"{name_id('anna'):08x}", "bert": f"{name_id('bert'):08x}"}


@pytest.mark.parametrize(("count", "layers"), [(0, 1), (1, 1), (2, 1), (3, 2), (6, 3), (40, 3)])
def test_the_channels_depend_on_the_shot_alone(count: int, layers: int) -> None:
    names = layer_channels(count)
    assert len(names) == 4 * layers
    assert names[:4] == [f"{NAME}00.{c}" for c in "RGBA"]
    pixels = rank((3, 5), [f"p{n}" for n in range(count)], {})
    assert pixels.shape == (3, 5, len(names))
    assert not pixels.any()


def test_what_comes_back_is_the_layers_alpha(alphas: Alphas) -> None:
    rounded = round_alphas((12, 20), alphas).alphas
    pixels = rank((12, 20), ["person01", "person02", "gone"], rounded)
    for name, alpha in rounded.items():
        np.testing.assert_array_equal(extract(pixels, name), alpha)
    assert not extract(pixels, "gone").any()
    coverage = pixels[..., 1::2]
    assert (np.diff(coverage, axis=-1) <= 0).all()
    assert coverage.sum(axis=-1).max() <= 1


def test_a_pixel_without_coverage_has_no_id() -> None:
    alpha = np.zeros((1, 2), np.float16)
    alpha[0, 1] = 0.5
    pixels = rank((1, 2), ["a", "b"], {"a": alpha, "b": np.zeros_like(alpha)})
    assert not pixels[0, 0].any()
    assert pixels[0, 1].view(np.uint32)[0] == name_id("a")
    assert pixels[0, 1, 2:].tolist() == [0, 0]


def test_only_the_largest_six_are_kept() -> None:
    names = [f"p{n}" for n in range(8)]
    alphas = {name: np.full((1, 1), (n + 1) / 64, np.float16) for n, name in enumerate(names)}
    pixels = rank((1, 1), names, alphas)
    found = {name: float(extract(pixels, name)[0, 0]) for name in names}
    assert found == {name: (n + 1) / 64 if n >= 2 else 0.0 for n, name in enumerate(names)}


def test_ids_survive_the_file(tmp_path: Path, header: FrameHeader, alphas: Alphas) -> None:
    rounded = round_alphas((12, 20), alphas).alphas
    names = list(alphas)
    pixels = rank((12, 20), names, rounded)
    extra = header_attributes(names)
    write_exr(tmp_path / "c.exr", pixels, layer_channels(2), header, extra=extra)
    layers, found, attributes = read_layers(tmp_path / "c.exr", single=True)
    assert found.data_window == header.data_window
    assert attributes.items() >= extra.items()
    back = np.stack([layers[name] for name in layer_channels(2)], axis=2)
    np.testing.assert_array_equal(back.view(np.uint32), pixels.view(np.uint32))
