"""Weights files: read, checked, and put into a network. Never a pickle that runs code."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from vimatte.errors import CheckpointError, ConfigError
from vimatte.models.instruction_set import VARIABLE, environment_for
from vimatte.models.registry import ModelSpec, packaged_weights, require_weights

PICKLED = {".pth", ".pt", ".ckpt", ".tar"}


def load_weights(network: nn.Module, row: ModelSpec, weights: Path | None) -> str:
    """Fill a network with its packaged weights, or with others.

    Parameters
    ----------
    network : nn.Module
    row : ModelSpec
    weights : Path, optional
        A safetensors file of ours, or a checkpoint of torch as authors publish them.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    CheckpointError
        When there is no such file, its checksum is wrong, or it is another network's.
    """
    require_weights(row, weights)
    path = weights or packaged_weights(row)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"cannot read the weights of {row.name}: {error.strerror}", path=path
        ) from error
    digest = hashlib.sha256(data).hexdigest()
    if weights is None and digest != row.sha256:
        raise CheckpointError(
            f"the weights of {row.name} have checksum {digest[:12]}, not {row.sha256[:12]}",
            path=path,
            hint="install vimatte again",
        )
    try:
        tensors = _tensors(path, data)
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except Exception as error:  # safetensors and torch raise several kinds for a bad file
        reason = " ".join(str(error).split())[:300]
        raise CheckpointError(f"not weights of {row.name}: {reason}", path=path) from error
    may_lack = getattr(network, "zero_when_absent", ())
    missing = [n for n in missing if not n.endswith("num_batches_tracked") and n not in may_lack]
    if missing or unexpected:
        raise CheckpointError(
            f"not weights of {row.name}: {len(missing)} tensors missing, {len(unexpected)} unknown",
            path=path,
        )
    return digest


def choose_device(name: str) -> torch.device:
    """Return the device for ``auto``, ``cpu`` or ``cuda``. Raises ConfigError."""
    environment_for(os.environ.get(VARIABLE) or "native")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "no CUDA device is available", hint="use --device cpu, or install a CUDA build of torch"
        )
    if name not in ("cpu", "cuda"):
        raise ConfigError(f"no device is called {name!r}", hint="use auto, cpu or cuda")
    return torch.device(name)


def _tensors(path: Path, data: bytes) -> dict[str, Tensor]:
    if path.suffix.lower() not in PICKLED:
        return {name: value.float() for name, value in load_tensors(data).items()}
    read: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    state = read.get("state_dict", read)
    # Networks that were trained on several devices have a prefix before every name.
    return {
        name.removeprefix("module."): value.float() if value.is_floating_point() else value
        for name, value in state.items()
        if isinstance(value, Tensor)
    }
