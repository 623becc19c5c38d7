"""``vimatte train``: train a network by a configuration; a run that was stopped goes on."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vimatte.cli.arguments import path_text
from vimatte.cli.progress import Console
from vimatte.training.config import TrainingConfig

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "train",
        help="train a network by a configuration",
        description="Train a network. RUN holds the checkpoint, the log and the averaged weights; "
        "the same command goes on from the checkpoint there, to the bit.",
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a JSON file of every setting")
    parser.add_argument(
        "--material", type=Path, required=True, metavar="DIR", help="of scripts/prepare_material"
    )
    parser.add_argument("--run", dest="folder", type=Path, required=True, metavar="RUN")
    parser.add_argument(
        "--init", type=path_text, metavar="FILE", help="EfficientNet-Lite0 for the encoder"
    )
    parser.add_argument("--start", type=path_text, metavar="FILE", help="weights of an earlier run")
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Train to the end of the last stage."""
    # By name: the command line itself never imports torch.
    trainer = import_module("vimatte.training.trainer")
    config = TrainingConfig.load(args.config, init=args.init, start=args.start)
    steps = sum(stage.steps for stage in config.stages)

    def report(done: int, losses: dict[str, Any]) -> None:
        ui.progress("train", done, steps, loss=losses.get("loss"))

    made = trainer.Trainer(config, args.material, args.folder, report=report)
    made.run()
    ui.event("weights", f"weights: {args.folder / 'averaged.safetensors'}")
    return 0
