"""The networks that can be trained: how each is made, unrolled, and split into its two rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from vimatte.errors import ConfigError
from vimatte.models.lite_encoder import imagenet_state
from vimatte.models.msgvim import MSGVIM
from vimatte.models.msgvim_lite import MSGVIMLite
from vimatte.training.config import TrainingConfig
from vimatte.training.unroll import unroll_lite, unroll_msgvim

Unroll = Callable[[nn.Module, Tensor, Tensor, int, Tensor | None], tuple[dict[str, Tensor], Tensor]]


@dataclass(frozen=True)
class Trainable:
    """A network and how training runs it.

    Attributes
    ----------
    network : nn.Module
        Its ``encoder`` learns at a rate of its own.
    unroll : callable
        Network, plate, masks, scale and state to alphas and state: see `vimatte.training.unroll`.
    """

    network: nn.Module
    unroll: Unroll


def make(config: TrainingConfig) -> Trainable:
    """Return the network that a configuration names, with its encoder's start if one is given.

    Raises
    ------
    ConfigError
        For a network that cannot be trained, or that cannot do what is asked.
    """
    if config.network == "msgvim-lite":
        lite = MSGVIMLite(
            temporal_features=config.temporal_features, temporal_masks=config.temporal_masks
        )
        if config.init:
            state = torch.load(Path(config.init), weights_only=True)
            lite.encoder.load_state_dict(imagenet_state(state))
        return Trainable(lite, unroll_lite)
    if config.network == "msgvim":
        if config.init or not (config.temporal_features and config.temporal_masks):
            raise ConfigError(
                "msgvim is the network of the paper as it is: without ablations or another encoder",
                hint="its own checkpoints are given by --start",
            )
        return Trainable(MSGVIM(), unroll_msgvim)
    raise ConfigError(
        f"no network that can be trained is called {config.network!r}",
        hint="known: msgvim-lite, msgvim",
    )
