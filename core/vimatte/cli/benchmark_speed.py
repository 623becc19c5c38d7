"""``vimatte benchmark speed``: how fast this machine reads, mattes and publishes."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.benchmark_build import picture_size
from vimatte.cli.progress import Console
from vimatte.evaluate.speed_report import STAGES, write_report

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DEFAULT_FOLDER = Path("vimatte-speed")
DEFAULT_SIZES = ((960, 540), (1920, 1080))
TEXT = """\
The plates are made by arithmetic, the masks are given. The stages are timed one after another;
in a shot, reading and publishing go on beside the network.

examples:
  vimatte benchmark speed
  vimatte benchmark speed --sizes 1920x1080,3840x2160 --instances 8 --seconds 600 -o speed
"""


def add_parser(actions: Subparsers) -> argparse.ArgumentParser:
    """Add the action."""
    parser = actions.add_parser(
        "speed",
        help="time reading, the network and publishing",
        epilog=TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-o", "--out", type=Path, default=DEFAULT_FOLDER, metavar="DIR")
    parser.add_argument(
        "--sizes", type=_sizes, default=DEFAULT_SIZES, metavar="WxH,...",
        help="of plates; default: 960x540,1920x1080",
    )  # fmt: skip
    parser.add_argument("--instances", type=int, default=4, metavar="N", help="1 to N (default 4)")
    parser.add_argument("--frames", type=int, default=5, help="timed of each; default: 5")
    parser.add_argument(
        "--seconds", type=float, default=120.0, help="begin nothing after them; default: 120"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Measure, say it and write the report."""
    # It loads torch, which listing the commands must not.
    bench = import_module("vimatte.evaluate.speed_benchmark")

    model = bench.load_default(args.device)
    report = bench.new_report(model)
    total = len(args.sizes) * args.instances
    steps = bench.measure_speed(
        report, args.sizes, args.instances, model=model, frames=args.frames, limit=args.seconds
    )
    ui.progress("speed", 0, total)
    for done, _ in enumerate(steps, 1):
        ui.progress("speed", done, total)
    ui.close()
    ui.table(
        f"seconds a frame on {report.machine['device']}, {report.machine['threads']} threads",
        ("size", "instances", *STAGES, "together", "frames/s"),
        [
            (
                f"{row.width}x{row.height}", row.instances,
                *(f"{row.seconds[stage]:.3f}" for stage in STAGES),
                f"{row.total:.3f}", f"{1 / row.total:.2f}",
            )
            for row in report.rows
        ],
    )  # fmt: skip
    if report.left_out:
        ui.event(
            "warning",
            f"{len(report.left_out)} measurements were left out: {args.seconds:g} s are over",
            left_out=report.left_out,
        )
    numbers, picture = write_report(report, args.out)
    ui.event("report", f"{numbers} and {picture}", json=str(numbers), picture=str(picture))
    return 0


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(picture_size(part) for part in text.split(","))
