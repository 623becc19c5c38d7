"""One frame's file: safetensors with a record of what it was made from and a checksum.

Arrays that compress well (a matte is mostly zeros and ones) are stored as zlib streams, described
in the metadata; others (recurrent states are noise to zlib) are plain tensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors.numpy import save

from vimatte.cache.fingerprint import arrays_digest, canonical_json

Arrays = Mapping[str, NDArray[Any]]

MAX_HEADER_BYTES = 1 << 20
MAX_FILE_BYTES = 4 << 30
# zlib expands at most about 1,032 times: a larger claim is a lie, whatever the checksum says.
MAX_EXPANSION = 1040

_FORMAT = "vimatte-frame"
_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
}
_NAMES = set(_DTYPES.values())
_SAMPLE = 16384


class CorruptFrameError(Exception):
    """A file is not what was written; private to the cache, which recomputes the frame."""


def encode(frame: int, arrays: Arrays, record: Mapping[str, str]) -> bytes:
    """Return the bytes of a frame's file.

    Parameters
    ----------
    frame : int
        Enters the checksum, so that a file under another frame's name is noticed.
    arrays : mapping of str to ndarray
        Of bool, integers up to 64 bits, or float16, float32, float64.
    record : mapping of str to str

    Raises
    ------
    TypeError
        For an array of another type, or a record that is not text to text.
    """
    for key, value in record.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"a record is text to text, not {key!r}: {value!r}")
    tensors: dict[str, NDArray[Any]] = {}
    packed: dict[str, list[Any]] = {}
    for name, array in arrays.items():
        if array.dtype.name not in _NAMES:
            raise TypeError(f"the array {name!r} is of type {array.dtype}, which is not stored")
        plain = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        payload = _deflate(plain)
        if payload is None:
            tensors[name] = plain
        else:
            tensors[name] = np.frombuffer(payload, np.uint8)
            packed[name] = [array.dtype.name, list(array.shape)]
    metadata = {
        "format": _FORMAT,
        "frame": str(frame),
        "packed": canonical_json(packed),
        "record": canonical_json(dict(record)),
    }
    metadata["checksum"] = _checksum(metadata, tensors)
    return _in_order(save(tensors, metadata))


def _in_order(data: bytes) -> bytes:
    """Return a file whose head has its keys sorted: safetensors writes metadata in any order.

    Equal frames must be equal bytes, whichever process wrote them.
    """
    (length,) = struct.unpack("<Q", data[:8])
    head = canonical_json(json.loads(data[8 : 8 + length])).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data[8 + length :]


def read(
    path: Path, frame: int, record: Mapping[str, str] | None = None
) -> dict[str, NDArray[Any]] | None:
    """Return the checked arrays of a file, or None when its record is another one.

    Raises
    ------
    CorruptFrameError
        When the file is not what was written.
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
            raise CorruptFrameError("it is too large")
        metadata = read_header(file)
        if record is not None and record_of(metadata) != dict(record):
            return None
        file.seek(0)
        data = file.read()
    return decode(frame, metadata, data)


def read_header(file: BinaryIO) -> dict[str, str]:
    """Return a file's metadata, reading no more than its head.

    Raises
    ------
    CorruptFrameError
        When it is no head of ours.
    """
    head = file.read(8)
    if len(head) < 8:
        raise CorruptFrameError("it is truncated")
    (length,) = struct.unpack("<Q", head)
    if length > MAX_HEADER_BYTES:
        raise CorruptFrameError("its head is too long")
    text = file.read(length)
    if len(text) < length:
        raise CorruptFrameError("it is truncated")
    try:
        metadata = json.loads(text)["__metadata__"]
        checked = {str(key): str(value) for key, value in metadata.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptFrameError("its head cannot be read") from error
    if checked.get("format") != _FORMAT:
        raise CorruptFrameError("it is no frame of vimatte")
    return checked


def record_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the record that a file's metadata holds. Raises CorruptFrameError."""
    try:
        record = json.loads(metadata["record"])
    except (ValueError, KeyError, RecursionError) as error:
        raise CorruptFrameError("its record cannot be read") from error
    if not isinstance(record, dict) or not all(isinstance(v, str) for v in record.values()):
        raise CorruptFrameError("its record cannot be read")
    return record


def decode(frame: int, metadata: Mapping[str, str], data: bytes) -> dict[str, NDArray[Any]]:
    """Return a file's arrays, checked.

    Parameters
    ----------
    frame : int
        Whose file it should be.
    metadata : mapping of str to str
        From `read_header`.
    data : bytes
        The whole file.

    Raises
    ------
    CorruptFrameError
        When anything differs from what was written.
    """
    try:
        items = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
        tensors = {name: _tensor(item) for name, item in items}
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise CorruptFrameError(f"it is no safetensors file: {error}") from error
    if metadata.get("frame") != str(frame):
        raise CorruptFrameError("it belongs to another frame")
    if metadata.get("checksum") != _checksum(metadata, tensors):
        raise CorruptFrameError("its checksum is wrong")
    try:
        packed = json.loads(metadata["packed"])
        for name, (dtype, shape) in packed.items():
            tensors[name] = _inflate(tensors[name], dtype, tuple(map(int, shape)))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        zlib.error,
    ) as error:
        raise CorruptFrameError(f"its arrays cannot be unpacked: {error}") from error
    return tensors


def _checksum(metadata: Mapping[str, str], tensors: Arrays) -> str:
    text = "\n".join(metadata.get(key, "") for key in ("frame", "packed", "record"))
    return hashlib.sha256(f"{text}\n{arrays_digest(tensors)}".encode()).hexdigest()


def _tensor(item: Mapping[str, Any]) -> NDArray[Any]:
    array: NDArray[Any] = np.frombuffer(item["data"], np.dtype(_DTYPES[item["dtype"]]))
    return array.reshape(item["shape"])


def _deflate(array: NDArray[Any]) -> bytes | None:
    """Return the array's bytes compressed, or None where that does not pay."""
    raw = array.tobytes()
    if len(raw) < 1024:
        return None
    # A few slices tell noise from mattes, at a fraction of the time.
    starts = range(0, len(raw), max(_SAMPLE, len(raw) // 4))
    sample = b"".join(raw[start : start + _SAMPLE] for start in starts)
    if len(zlib.compress(sample, 1)) > 0.75 * len(sample):
        return None
    payload = zlib.compress(raw, 1)
    return payload if len(payload) <= 0.75 * len(raw) else None


def _inflate(payload: NDArray[Any], dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if dtype not in _NAMES or any(side < 0 for side in shape):
        raise ValueError("a type or a shape is unknown")
    size = np.dtype(dtype).itemsize
    for side in shape:
        size *= side
    if size > MAX_EXPANSION * payload.size:
        raise ValueError("a shape is larger than its data")
    stream = zlib.decompressobj()
    raw = stream.decompress(payload.tobytes(), size)
    if len(raw) != size or stream.unconsumed_tail or not stream.eof:
        raise ValueError("a shape does not fit its data")
    # A bytearray, so that the array can be written to, like any other.
    return np.frombuffer(bytearray(raw), np.dtype(dtype)).reshape(shape)
