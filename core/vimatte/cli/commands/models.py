"""``vimatte models``: list the networks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from vimatte.cli.progress import Console
from vimatte.models.registry import DEFAULT_MODEL, MODELS, ModelSpec, packaged_weights

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    return commands.add_parser("models", help="list the networks, their licences and weights")


def run(args: argparse.Namespace, ui: Console) -> int:
    """Print the table."""
    del args
    ui.table(
        "models",
        ("name", "default", "licence", "commercial use", "weights", "summary"),
        [
            (
                row.name,
                "yes" if row.name == DEFAULT_MODEL else "",
                row.licence,
                "yes" if row.commercial else "no",
                _weights(row),
                row.summary,
            )
            for row in MODELS
        ],
    )
    return 0


def _weights(row: ModelSpec) -> str:
    if not row.weights:
        return "--weights FILE"
    return "packaged" if packaged_weights(row).exists() else "missing"
