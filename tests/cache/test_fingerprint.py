"""Identity: equal content has equal digests, anything else has not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vimatte.cache.fingerprint import arrays_digest, canonical_json, file_digest, fingerprint

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_key_order_does_not_matter(chosen: dict[str, object]) -> None:
    mark = fingerprint(chosen)
    assert len(mark) == 16
    assert int(mark, 16) >= 0
    assert fingerprint(dict(reversed(chosen.items()))) == mark


def test_it_is_pinned() -> None:
    """Caches of earlier versions are found again; a change here needs a new schema version."""
    settings = {"space": "ACEScg", "exposure": 0.5, "order": ["a", "b"], "roi": None}
    assert fingerprint(settings) == "1be2663df43ed8c7"


def test_what_differs_has_another_fingerprint() -> None:
    settings = [{}, {"a": 1}, {"a": True}, {"a": "1"}, {"a": [1]}, {"a": {"b": 1}}, {"a": None}]
    assert len({fingerprint(s) for s in settings}) == len(settings)


def test_equal_numbers_and_sequences_are_one() -> None:
    assert fingerprint({"a": 1.0, "b": (1, 2)}) == fingerprint({"a": 1, "b": [1, 2]})
    assert canonical_json({"a": -0.0}) == '{"a":0}'


@pytest.mark.parametrize("value", [Path("x"), b"x", {1, 2}, np.float32(1), {1: 2}])
def test_only_json_enters(value: object) -> None:
    with pytest.raises(TypeError):
        fingerprint({"a": value})


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        fingerprint({"a": float("nan")})


def test_a_files_digest_is_its_sha256(tmp_path: Path) -> None:
    data = np.random.default_rng(0).bytes(3 << 20)
    (tmp_path / "a").write_bytes(data)
    assert file_digest(tmp_path / "a") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        file_digest(tmp_path / "b")


def test_arrays_digest_sees_name_type_shape_and_values() -> None:
    base = np.zeros(4, np.uint8)
    different = [
        {"a": base},
        {"b": base},
        {"a": base.reshape(2, 2)},
        {"a": base.view(bool)},
        {"a": np.ones(4, np.uint8)},
        {"a": base, "b": base},
        {},
    ]
    assert len({arrays_digest(arrays) for arrays in different}) == len(different)


def test_arrays_digest_sees_no_layout() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    same = [array.copy(order="F"), array.astype(">f4"), np.repeat(array, 2, axis=1)[:, ::2]]
    assert {arrays_digest({"a": x, "b": array}) for x in same} == {
        arrays_digest({"b": array, "a": array})
    }
