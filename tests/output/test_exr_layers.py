from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimatte.errors import OutputError
from vimatte.output.exr_layers import channel_names, round_alphas, stack_layers
from vimatte.output.half import UNITS_IN_ONE, half_units, to_half_floor

Alphas = dict[str, np.ndarray]
NAMES = ["person01", "person02"]


def exact_sum(alphas: Alphas) -> np.ndarray:
    return np.sum([half_units(half) for half in alphas.values()], axis=0)


def test_channels() -> None:
    assert channel_names(["a", "b"]) == ["R", "G", "B", "A", "a.A", "b.A"]
    assert channel_names(["a"], True) == ["R", "G", "B", "A", "a.R", "a.G", "a.B", "a.A"]
    assert channel_names([]) == ["R", "G", "B", "A"]


def test_the_channels_are_the_same_whoever_is_there(alphas: Alphas) -> None:
    whole = stack_layers(round_alphas((12, 20), alphas), NAMES)
    assert whole.shape == (12, 20, 6)
    for channel in range(4):
        total = whole[..., 4].astype(np.float64) + whole[..., 5]
        np.testing.assert_array_equal(whole[..., channel], to_half_floor(total))
    one = round_alphas((12, 20), {"person02": alphas["person02"]})
    part = stack_layers(one, NAMES)
    assert part.shape == whole.shape
    assert not part[..., 4].any()
    np.testing.assert_array_equal(part[..., 5], whole[..., 5])
    nobody = stack_layers(round_alphas((12, 20), {}), NAMES)
    assert nobody.shape == whole.shape
    assert not nobody.any()


def test_alphas_are_rounded_towards_zero(alphas: Alphas) -> None:
    rounded = round_alphas((12, 20), alphas).alphas
    for name, alpha in alphas.items():
        np.testing.assert_array_equal(rounded[name], to_half_floor(alpha))
    assert exact_sum(dict(rounded)).max() <= UNITS_IN_ONE


def test_a_trifle_above_one_that_float32_hides() -> None:
    large = to_half_floor(np.float32([[1 - 2**-11]]))
    small = np.float16([[2**-11 + 2**-21]])
    assert large.astype(np.float32) + small.astype(np.float32) > 1
    for tiny in (2.0**-24, 2.0**-21):
        alphas = {
            "a": large.astype(np.float32),
            "b": np.float32([[2**-11 - 2**-22]]),
            "c": np.float32([[2**-22 + tiny]]),
        }
        before = sum(alpha.astype(np.float64) for alpha in alphas.values())
        assert before[0, 0] > 1
        rounded = round_alphas((1, 1), alphas)
        assert exact_sum(dict(rounded.alphas))[0, 0] <= UNITS_IN_ONE
        np.testing.assert_array_equal(rounded.alphas["c"], np.float16(alphas["c"]))
        assert rounded.alphas["a"][0, 0] >= 1 - 2**-10


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=8), st.floats(1, 1.0005))
def test_the_sum_is_at_most_one_after_rounding(parts: list[float], over: float) -> None:
    values = np.array(parts)
    values = values / max(1.0, values.sum()) * over
    alphas = {f"p{i}": np.float32([[v]]) for i, v in enumerate(values)}
    rounded = round_alphas((1, 1), alphas)
    units = exact_sum(dict(rounded.alphas))
    assert units.max() <= UNITS_IN_ONE
    assert rounded.total[0, 0] == to_half_floor(np.float32(units / UNITS_IN_ONE))[0, 0]
    for name, alpha in alphas.items():
        assert abs(float(rounded.alphas[name][0, 0]) - float(alpha[0, 0])) < 0.003


def test_a_zero_with_a_sign_is_a_zero() -> None:
    rounded = round_alphas((1, 2), {"a": np.float32([[-0.0, -1e-7]])})
    assert not np.signbit(rounded.alphas["a"]).any()
    assert not np.signbit(rounded.total).any()


@pytest.mark.parametrize(
    ("alpha", "reason"),
    [
        (np.full((2, 2), np.nan, np.float32), "values"),
        (np.full((2, 2), 1.5, np.float32), "values"),
        (np.full((2, 2), -0.5, np.float32), "values"),
        (np.zeros((2, 3), np.float32), "is 3x2, not 2x2"),
    ],
)
def test_what_cannot_be_a_matte(alpha: np.ndarray, reason: str) -> None:
    with pytest.raises(OutputError, match=reason) as info:
        round_alphas((2, 2), {"bob": alpha}, frame=7)
    assert info.value.frame == 7
    assert "bob" in info.value.message


def test_a_sum_that_is_no_matter_of_rounding() -> None:
    half = np.full((2, 2), 0.75, np.float32)
    with pytest.raises(OutputError, match=r"sum to 1\.5"):
        round_alphas((2, 2), {"a": half, "b": half})


def test_an_empty_window(alphas: Alphas) -> None:
    empty = {name: np.zeros((0, 0), np.float32) for name in alphas}
    assert stack_layers(round_alphas((0, 0), empty), NAMES).shape == (0, 0, 6)


def test_foregrounds(alphas: Alphas) -> None:
    colour = np.full((12, 20, 3), 0.5, np.float32)
    colour[0, 0] = 1e6, -1e6, np.nan
    colour[0, 1] = np.inf, -np.inf, 0.25
    rounded = round_alphas((12, 20), alphas)
    pixels = stack_layers(rounded, NAMES, {"person02": colour})
    names = channel_names(NAMES, True)
    assert pixels.shape[2] == len(names) == 12
    assert not pixels[..., names.index("person01.R")].any()
    at = names.index("person02.R")
    np.testing.assert_array_equal(pixels[0, 0, at : at + 3], np.float16([65504, -65504, 0]))
    np.testing.assert_array_equal(pixels[0, 1, at : at + 3], np.float16([65504, -65504, 0.25]))
    assert (pixels[5, 5, at : at + 3] == 0.5).all()
    np.testing.assert_array_equal(
        pixels[..., names.index("person02.A")], rounded.alphas["person02"]
    )
