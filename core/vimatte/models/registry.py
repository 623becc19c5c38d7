"""The table of matting networks. Listing it imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from vimatte.errors import CheckpointError, UnknownModelError
from vimatte.models.base import MattingModel


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One network.

    Attributes
    ----------
    name : str
        What the command line, sessions and hosts call it.
    target : str
        ``module:function`` that loads it.
    summary : str
    weights : str
        The file in the package, below ``models/weights``; empty where none ships.
    sha256 : str
        Of that file; empty where none ships.
    licence : str
        Of the weights.
    commercial : bool
        Whether a studio may use them commercially.
    """

    name: str
    target: str
    summary: str
    weights: str
    sha256: str
    licence: str
    commercial: bool


MODELS: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="msgvim-lite",
        target="vimatte.models.lite_runner:load",
        summary="light MSG-VIM: temporal, 1.5 M parameters, for a CPU or a GPU",
        weights="msgvim_lite.safetensors",
        sha256="18ace31af3d56aabe71c685dcb064c625ccd369656595258d83f9bc17a42601d",
        licence="MIT",
        commercial=True,
    ),
    ModelSpec(
        name="msgvim",
        target="vimatte.models.msgvim_runner:load",
        summary="MSG-VIM of the paper: ResNet-34, 29.6 M parameters; weights by --weights FILE",
        weights="",
        sha256="",
        licence="that of the file",
        commercial=False,
    ),
)
DEFAULT_MODEL = MODELS[0].name


def spec(name: str) -> ModelSpec:
    """Return the row of a model. Raises UnknownModelError, which lists the known names."""
    for row in MODELS:
        if row.name == name:
            return row
    known = ", ".join(row.name for row in MODELS)
    raise UnknownModelError(f"no model is called {name!r}", hint=f"known: {known}")


def packaged_weights(row: ModelSpec) -> Path:
    """Return where the weights of a model lie inside the package."""
    return Path(__file__).parent / "weights" / row.weights


def require_weights(row: ModelSpec, weights: Path | None) -> None:
    """Refuse a model that ships without weights and is given none. Raises CheckpointError."""
    if weights is None and not row.weights:
        raise CheckpointError(
            f"the weights of {row.name} do not ship with vimatte",
            hint="give a file with --weights, or use another --model",
        )


def weights_digest(path: Path) -> str:
    """Return the SHA-256 of a weights file. Raises CheckpointError."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CheckpointError(f"cannot read the weights: {error.strerror}", path=path) from error


def load_model(name: str, *, device: str = "auto", weights: Path | None = None) -> MattingModel:
    """Load a network.

    Parameters
    ----------
    name : str
    device : {"auto", "cpu", "cuda"}
    weights : Path, optional
        Other weights than the packaged ones; not checked against the table's digest.

    Raises
    ------
    UnknownModelError
    CheckpointError
        When the weights are missing, corrupt or of another network.
    ConfigError
        When the device asked for is not there.
    """
    row = spec(name)
    module, function = row.target.split(":")
    return cast(MattingModel, getattr(import_module(module), function)(row, device, weights))
