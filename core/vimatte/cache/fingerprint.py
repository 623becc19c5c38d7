"""Identity by content: digests of settings, files and arrays. No path, host or time enters."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Raised when files of the cache take another form; older folders are then simply not found.
SCHEMA_VERSION = 1

_BLOCK = 1 << 20


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Return the identity of settings and of the cache's schema.

    Parameters
    ----------
    settings : mapping of str to value
        What JSON knows: None, bool, int, finite float, str, and lists, tuples and mappings of
        them. The order of a mapping's keys does not matter, nor does 1 or 1.0.

    Returns
    -------
    str
        16 hexadecimal digits.

    Raises
    ------
    TypeError
        For a value that JSON does not know (a path is not one, on purpose).
    ValueError
        For NaN and infinity.
    """
    text = canonical_json({"schema": SCHEMA_VERSION, "settings": settings})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def canonical_json(value: Any) -> str:
    """Return the one spelling of a JSON value; see `fingerprint` for what is allowed."""
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, hexadecimal.

    Raises
    ------
    OSError
        When the file cannot be read: the caller knows which error of vimatte that is.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def arrays_digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of named arrays, hexadecimal.

    Names, types, shapes and values enter; memory layout and the mapping's order do not.
    """
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(canonical_json([name, array.dtype.name, list(array.shape)]).encode() + b"\n")
        digest.update(little.data.cast("B") if little.size else b"")
    return digest.hexdigest()


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value.is_integer() else value
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key of settings must be text, not {type(key).__name__}")
        return {key: _canonical(item) for key, item in value.items()}
    raise TypeError(f"settings hold a {type(value).__name__}, which is no JSON value: {value!r}")
