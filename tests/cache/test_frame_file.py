"""A frame's file: what comes back is what was written, or it is called corrupt."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from vimatte.cache import frame_file
from vimatte.cache.frame_file import CorruptFrameError, encode

DTYPES = ["bool", "uint8", "int16", "int32", "int64", "float16", "float32", "float64"]


def matte(size: int = 256) -> np.ndarray:
    """A half matte of a disc with a soft, grainy edge."""
    y, x = np.mgrid[:size, :size] - size / 2
    ramp = (size * 0.35 - np.hypot(x, y)) / (size * 0.05) + 0.5
    grain = np.random.default_rng(0).normal(0, 0.03, ramp.shape)
    return np.where((ramp > 0) & (ramp < 1), np.clip(ramp + grain, 0, 1), ramp > 0.5).astype("f2")


def read(tmp_path: Path, data: bytes, frame: int = 7) -> dict[str, np.ndarray]:
    path = tmp_path / "frame"
    path.write_bytes(data)
    arrays = frame_file.read(path, frame)
    assert arrays is not None
    return arrays


arrays_of_all_kinds = st.dictionaries(
    st.text(max_size=20).filter(lambda name: name != "__metadata__"),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: stn.arrays(dtype, stn.array_shapes(min_dims=0, min_side=0, max_side=40))
    ),
    max_size=4,
)


@settings(max_examples=50, deadline=None)
@given(arrays_of_all_kinds, st.dictionaries(st.text(), st.text(), max_size=3), st.integers(-9, 9))
@example({}, {}, 0)
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    arrays: dict[str, np.ndarray],
    record: dict[str, str],
    frame: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "one"
    path.write_bytes(encode(frame, arrays, record))
    found = frame_file.read(path, frame, record)
    assert found is not None
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()
        assert found[name].flags.writeable
    with path.open("rb") as file:
        assert frame_file.record_of(frame_file.read_header(file)) == record


def test_memory_layout_does_not_matter(tmp_path: Path) -> None:
    array = np.arange(6000, dtype=np.float32).reshape(60, 100)
    for other in (np.asfortranarray(array), array.astype(">f4"), array[::-1]):
        np.testing.assert_array_equal(read(tmp_path, encode(7, {"a": other}, {}))["a"], other)


def test_mattes_and_masks_are_compressed_and_noise_is_not(tmp_path: Path) -> None:
    alpha, noise = matte(640), np.random.default_rng(0).standard_normal(100_000).astype("f2")
    data = encode(7, {"alpha": alpha}, {})
    assert len(data) < alpha.nbytes / 6
    np.testing.assert_array_equal(read(tmp_path, data)["alpha"], alpha)
    assert noise.nbytes <= len(encode(7, {"h": noise}, {})) < noise.nbytes + 1000


def test_a_file_is_plain_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(encode(7, {"window": np.array([1, 2], np.int32)}, {"plate": "x"}))
    with safetensors.safe_open(path, "numpy") as file:
        assert file.get_tensor("window").tolist() == [1, 2]
        assert json.loads(file.metadata()["record"]) == {"plate": "x"}


def test_another_frames_file_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(CorruptFrameError, match="another frame"):
        read(tmp_path, encode(8, {"a": np.zeros(3)}, {}))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_flipped_bit_and_no_cut_gives_other_arrays(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    arrays = {"alpha": matte(48), "window": np.array([-1, 2, 3], np.int32)}
    content = bytearray(encode(7, arrays, {"plate": "a"}))
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    try:
        found = frame_file.read(path, 7, {"plate": "a"})
    except CorruptFrameError:
        return
    # A flip in the record makes it another record, one in the head's padding changes nothing.
    if found is not None:
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_junk_is_corrupt(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk"
    path.write_bytes(junk)
    with pytest.raises(CorruptFrameError):
        frame_file.read(path, 7)


def test_a_claimed_size_is_not_believed(tmp_path: Path) -> None:
    """A file of a kilobyte that claims to hold a terabyte allocates nothing, checksum or not."""
    data = encode(7, {"a": np.zeros(100_000, np.uint8)}, {})
    (length,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + length])
    metadata = head["__metadata__"]
    metadata["packed"] = '{"a":["uint8",[1048576,1048576]]}'
    payload = np.frombuffer(data[8 + length :], np.uint8)
    metadata["checksum"] = frame_file._checksum(metadata, {"a": payload})
    text = json.dumps(head).encode()
    with pytest.raises(CorruptFrameError, match="larger than its data"):
        read(tmp_path, struct.pack("<Q", len(text)) + text + data[8 + length :])
    with pytest.raises(CorruptFrameError, match="head is too long"):
        read(tmp_path, struct.pack("<Q", 1 << 40) + data[8:])


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match="complex128"):
        encode(7, {"a": np.zeros(2, complex)}, {})
    with pytest.raises(TypeError, match="text to text"):
        encode(7, {}, {"plate": 3})  # type: ignore[dict-item]
