"""The network of a session: which it is, and itself when it is first needed."""

from __future__ import annotations

from pathlib import Path

from vimatte.models.base import MattingModel
from vimatte.models.registry import load_model, require_weights, spec, weights_digest


class SessionNetwork:
    """A network that is loaded when something must be computed.

    Parameters
    ----------
    name : str
    device : {"auto", "cpu", "cuda"}
    weights : Path, optional
        Other weights than the packaged ones.

    Raises
    ------
    ConfigError
        When no network is called so, or it has no packaged weights and none are given.
    """

    def __init__(self, name: str, device: str = "auto", weights: Path | None = None) -> None:
        self._spec = spec(name)
        require_weights(self._spec, weights)
        self._device, self._weights = device, weights
        self._model: MattingModel | None = None
        self._digest = ""

    @property
    def digest(self) -> str:
        """SHA-256 of the weights."""
        if self._weights is None:
            return self._spec.sha256
        if not self._digest:
            self._digest = weights_digest(self._weights)
        return self._digest

    @property
    def loaded(self) -> bool:
        """Whether anything has needed it."""
        return self._model is not None

    def load(self) -> MattingModel:
        """Return the network; the same one every time."""
        if self._model is None:
            self._model = load_model(self._spec.name, device=self._device, weights=self._weights)
        return self._model
