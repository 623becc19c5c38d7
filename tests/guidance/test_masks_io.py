from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vimatte.cache.store import FrameStore
from vimatte.errors import CacheError
from vimatte.frames.types import GuidanceFrame, InstanceMask
from vimatte.frames.window import Window
from vimatte.guidance.masks_io import load_guidance, mask_of, pack, save_guidance, unpack

masks = arrays(np.bool_, st.tuples(st.integers(0, 9), st.integers(0, 9)))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.integers(1, 300), st.tuples(st.integers(-50, 50), st.integers(-50, 50), masks)
    )
)
def test_what_is_packed_comes_back(entries):
    frame = GuidanceFrame(
        7,
        {
            key: InstanceMask(Window(x, y, mask.shape[1], mask.shape[0]), mask)
            for key, (x, y, mask) in entries.items()
        },
    )
    back = unpack(7, pack(frame))
    assert back.masks.keys() == frame.masks.keys()
    assert list(back.masks) == sorted(back.masks)
    for key, item in frame.masks.items():
        assert back.masks[key].window == item.window
        np.testing.assert_array_equal(back.masks[key].mask, item.mask)


def test_a_mask_takes_a_bit_a_pixel():
    frame = GuidanceFrame(
        1, {1: InstanceMask(Window(0, 0, 160, 100), np.ones((100, 160), np.bool_))}
    )
    assert pack(frame)["bits"].nbytes == 2000


def test_a_mask_that_does_not_fill_its_window_is_refused():
    with pytest.raises(ValueError, match="does not fill"):
        pack(GuidanceFrame(1, {1: InstanceMask(Window(0, 0, 4, 4), np.ones((4, 3), np.bool_))}))


def test_bits_that_are_too_short_are_refused():
    arrays = pack(
        GuidanceFrame(1, {1: InstanceMask(Window(0, 0, 9, 9), np.ones((9, 9), np.bool_))})
    )
    with pytest.raises(ValueError, match="shorter"):
        unpack(1, {**arrays, "bits": arrays["bits"][:-1]})


def test_a_store_gives_back_a_frame_and_says_when_it_has_none(tmp_path: Path):
    store = FrameStore(tmp_path, "shot", "guidance", {})
    mask = np.eye(5, dtype=np.bool_)
    save_guidance(store, GuidanceFrame(3, {2: InstanceMask(Window(1, 2, 5, 5), mask)}), {"a": "b"})
    np.testing.assert_array_equal(load_guidance(store, 3).masks[2].mask, mask)
    assert store.record(3) == {"a": "b"}
    with pytest.raises(CacheError, match="frame 4"):
        load_guidance(store, 4)


def test_a_mask_is_cut_to_its_box():
    pixels = np.zeros((6, 8), np.bool_)
    pixels[2:4, 5] = True
    found = mask_of(pixels, Window(10, 20, 8, 6))
    assert found is not None
    assert found.window == Window(15, 22, 1, 2)
    assert found.mask.all()
    assert mask_of(np.zeros((6, 8), np.bool_), Window(0, 0, 8, 6)) is None
