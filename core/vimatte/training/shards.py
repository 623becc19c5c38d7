"""Weights in pieces: half precision, without the optimiser's state, each file of a bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from vimatte.cache.atomic import write_atomically
from vimatte.errors import CheckpointError

#: Of one file; what machines that are lent for training give back.
MOST_BYTES = 16 << 20
_HEADER = 256  # bytes of a tensor's entry in the file's header, at most


def write_weights(
    path: Path, state: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> list[Path]:
    """Write weights in half precision: one file, or numbered ones where one would be too large.

    Parameters
    ----------
    path : Path
        ``NAME.safetensors``; pieces are called ``NAME-1-of-4.safetensors``.
    state : mapping of str to Tensor
        What counts batches is left out.
    metadata : mapping of str to str
        Of every file.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    CheckpointError
        When a single tensor is larger than a file may be.
    """
    tensors = {
        name: (value.to(torch.float16) if value.is_floating_point() else value).contiguous().cpu()
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    pieces = list(_pieces(tensors, path))
    names = [
        path if len(pieces) == 1 else path.with_stem(f"{path.stem}-{n}-of-{len(pieces)}")
        for n in range(1, len(pieces) + 1)
    ]
    for name, piece in zip(names, pieces, strict=True):
        write_atomically(name, save(piece, metadata=dict(metadata)))
    return names


def join_weights(files: list[Path], target: Path) -> Path:
    """Put the pieces of `write_weights` together.

    Parameters
    ----------
    files : list of Path
        All of them, in any order.
    target : Path

    Raises
    ------
    CheckpointError
        When one cannot be read, is missing, or belongs to other weights.
    """
    tensors: dict[str, Tensor] = {}
    said: set[str] = set()
    metadata: dict[str, str] = {}
    for path in files:
        number, _, count = path.stem.rpartition("-of-")
        if not count.isdigit() or int(count) != len(files):
            raise CheckpointError(
                f"{len(files)} files were given, and this is no piece of so many",
                path=path,
                hint="give every NAME-N-of-M.safetensors",
            )
        try:
            with safe_open(path, framework="pt") as file:
                metadata = dict(file.metadata() or {})
                said.add(f"{number.rpartition('-')[0]} {sorted(metadata.items())}")
                tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except Exception as error:  # safetensors raises its own kind
            raise CheckpointError(f"cannot read the weights: {error}", path=path) from error
    if len(said) != 1 or len({path.stem for path in files}) != len(files):
        raise CheckpointError("these pieces are not of the same weights", path=files[0])
    write_atomically(target, save(tensors, metadata=metadata))
    return target


def _pieces(tensors: Mapping[str, Tensor], path: Path) -> Iterator[dict[str, Tensor]]:
    piece: dict[str, Tensor] = {}
    room = MOST_BYTES
    for name, value in tensors.items():
        needed = value.numel() * value.element_size() + _HEADER
        if needed > MOST_BYTES:
            raise CheckpointError(f"the tensor {name} does not fit into one file", path=path)
        if needed > room:
            yield piece
            piece, room = {}, MOST_BYTES
        piece[name] = value
        room -= needed
    yield piece
