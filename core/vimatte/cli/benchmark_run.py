"""``vimatte benchmark run``: measure a network and its rivals on a benchmark."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import finite_number
from vimatte.cli.benchmark_build import DEFAULT_FOLDER
from vimatte.cli.progress import Console
from vimatte.errors import CheckpointError, ConfigError, InputError
from vimatte.models.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from vimatte.evaluate.methods import Method

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

BASELINES = ("mask", "blur", "guided", "closed-form", "knn")
NOISE = "5,10,15,20,25"
TEXT = """\
Closed-form and KNN matting are PyMatting's (pip install pymatting), with trimaps from the same
masks, on at most 512 pixels and some pairs of frames of each clip. Every rival is given its best
setting in hindsight. What is done lies in BENCH/results: a stopped run goes on, and new weights
compute nothing but their own figures.

examples:
  vimatte benchmark run
  vimatte benchmark run BENCH --weights run/averaged.safetensors -o report
  vimatte benchmark run BENCH --baselines mask --noise 25
"""


def add_parser(actions: Subparsers) -> argparse.ArgumentParser:
    """Add the action."""
    parser = actions.add_parser(
        "run",
        help="measure a network and its rivals",
        epilog=TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bench", type=Path, nargs="?", default=DEFAULT_FOLDER, metavar="BENCH",
        help=f"default: {DEFAULT_FOLDER}",
    )  # fmt: skip
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--weights", type=Path, metavar="FILE", help="default: the packaged ones")
    which.add_argument(
        "--model-folder", type=Path, metavar="RUN", help="a training run: its newest weights"
    )
    which.add_argument("--no-model", action="store_true", help="only the baselines")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--baselines", type=_names, default=BASELINES, metavar="a,b",
        help=f"of {','.join(BASELINES)}; default: all; none: none",
    )  # fmt: skip
    parser.add_argument(
        "--bands", type=_numbers, metavar="a,b", default=(8.0, 12.0, 16.0, 20.0, 24.0),
        help="of the trimaps, in pixels at a subject of 512; default: 8,12,16,20,24",
    )  # fmt: skip
    parser.add_argument(
        "--pairs", type=int, default=12, metavar="N",
        help="pairs of frames of each clip for closed form and KNN; 1 to 20, default 12",
    )  # fmt: skip
    parser.add_argument(
        "--noise", type=_numbers, metavar="a,b", default=_numbers(NOISE),
        help=f"percent of salt and pepper on the masks; default: {NOISE}",
    )  # fmt: skip
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--every-metric", action="store_true", help="the network's Grad and Conn")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR",
        help="write figures.json and figures.html there; default: BENCH",
    )  # fmt: skip
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Measure, print, write. Raises InputError for a folder that is no benchmark."""
    if not 1 <= args.pairs <= 20:
        raise InputError("--pairs is 1 to 20: at most 40 frames of a clip")
    if any(not 0 < rate <= 25 for rate in args.noise):
        raise InputError("--noise is above 0 and at most 25 percent")
    if any(not 0 < band <= 256 for band in args.bands):
        raise InputError("--bands are above 0 and at most 256 pixels")
    # Here: the command line itself is not to wait for the picture libraries.
    from vimatte.evaluate.figure_page import Table, finite, shown, write_figures, write_page  # noqa: PLC0415, I001
    from vimatte.evaluate.items import item_folders  # noqa: PLC0415
    from vimatte.evaluate.runner import run_benchmark  # noqa: PLC0415
    from vimatte.evaluate.summary import (  # noqa: PLC0415
        as_json, claims_of, plots_of, settings_table, summarise, tables_of,
    )  # fmt: skip

    item_folders(args.bench)
    weights = None if args.no_model else _weights(args)
    methods = _methods(args, weights)
    if not methods:
        raise ConfigError("nothing to run", hint="leave out --no-model or --baselines none")
    results = run_benchmark(
        args.bench,
        methods,
        pairs=args.pairs,
        every_metric=args.every_metric,
        report=lambda done, total: ui.progress("benchmark", done, total),
    )
    ui.close()
    summaries = summarise(results, methods)
    tables = [table for summary in summaries for table in tables_of(summary)]
    for summary in summaries:
        rows = [
            [what, shown(value, 3), f"{bound:g}", "reached" if reached else "MISSED"]
            for what, value, bound, reached in claims_of(summary)
        ]
        if rows:
            title = f"{summary.kind}: figures to reach"
            tables.append(Table(title, ("figure", "measured", "goal", ""), rows))
    report = {
        "model": None if args.no_model else args.model,
        "weights": None if weights is None else weights.name,
        "scales": "MAD and MSE x 1e3, dtSSD x 1e2, RQ, TQ and VIMQ in 0 to 1",
        **as_json(summaries),
    }
    out = args.out or args.bench
    settings = [settings_table(summary) for summary in summaries]
    plots = [plot for summary in summaries for plot in plots_of(summary)]
    write_figures(out / "figures.json", report)
    page = out / "figures.html"
    notes = [f"{args.bench}, {args.model}: {weights.name if weights else 'packaged weights'}"]
    write_page(page, "Benchmark", notes, [*tables, *settings], plots)
    if ui.json_lines:
        ui.event("benchmark", "", **finite(report))
    else:
        for table in tables:
            ui.table(table.title, table.columns, table.rows)
    ui.event("written", f"written: {page}", path=str(page))
    return 0


def _methods(args: argparse.Namespace, weights: Path | None) -> list[Method]:
    from vimatte.evaluate.methods import mask_method, model_method, rival_methods  # noqa: PLC0415
    from vimatte.models.registry import (  # noqa: PLC0415
        load_model,
        packaged_weights,
        require_weights,
        spec,
        weights_digest,
    )

    cache = args.bench / "solved"
    methods = rival_methods(args.baselines, cache, args.bands)
    rates = [] if args.no_noise else [rate / 100 for rate in sorted(set(args.noise))]
    if "mask" in args.baselines:
        methods += [mask_method(rate) for rate in rates]
    if not args.no_model:
        row = spec(args.model)
        require_weights(row, weights)
        digest = weights_digest(weights or packaged_weights(row))
        model = load_model(args.model, device=args.device, weights=weights)
        methods += [model_method(model, digest, rate) for rate in (0.0, *rates)]
    return methods


def _weights(args: argparse.Namespace) -> Path | None:
    if args.model_folder is None:
        return Path(args.weights) if args.weights else None
    files = sorted(args.model_folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
    if not files:
        raise CheckpointError("no weights in this folder", path=args.model_folder)
    newest: Path = files[-1]
    return newest


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part for part in text.split(",") if part != "none")
    unknown = [part for part in names if part not in BASELINES]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(BASELINES)}")
    return names


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(finite_number(part) for part in text.split(","))
