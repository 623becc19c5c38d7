"""What every benchmark prints and writes: a table, the machine it ran on, and JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vimatte._version import __version__


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what all benchmarks take."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    return made


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows; the first column is text, the others are numbers."""
    cells = [list(head), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    print(f"\n{title}")
    for number, row in enumerate(cells):
        first, rest = row[0].ljust(widths[0]), zip(row[1:], widths[1:], strict=True)
        print("  ".join([first, *(text.rjust(width) for text, width in rest)]))
        if number == 0:
            print("  ".join("-" * width for width in widths))
    sys.stdout.flush()


def figure(name: str, value: float, goal: float, *, at_least: bool) -> dict[str, Any]:
    """Print a figure beside what it should reach, and return it for the JSON."""
    reached = value >= goal if at_least else value <= goal
    sign = ">=" if at_least else "<="
    print(f"{name}: {value:.3g} (goal {sign} {goal:g}) {'reached' if reached else 'MISSED'}")
    return {"name": name, "value": value, "goal": goal, "at_least": at_least, "reached": reached}


def save(path: Path | None, numbers: Mapping[str, Any]) -> None:
    """Write the numbers and the machine they come from."""
    if path is None:
        return
    machine = {
        "vimatte": __version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
    path.write_text(json.dumps({"machine": machine, **numbers}, indent=1) + "\n")


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
