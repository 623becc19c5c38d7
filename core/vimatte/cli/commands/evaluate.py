"""``vimatte evaluate``: measure mattes against a truth, or their steadiness without one."""

from __future__ import annotations

import argparse
import math
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from vimatte.cli.arguments import name_text, path_text
from vimatte.cli.progress import Console
from vimatte.errors import InputError
from vimatte.session.session_file import SESSION_NAME

if TYPE_CHECKING:
    from vimatte.evaluate.evaluation import ClipResult
    from vimatte.evaluate.figure_page import Table
    from vimatte.evaluate.matte_folders import MatteClip
    from vimatte.evaluate.steadiness import Steadiness

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

CONVENTIONS = ("paper", "vim", "maggie", "rvm")
NAMES = {
    "mad": "MAD", "mad_foreground": "MAD fg", "mad_unknown": "MAD unknown", "mse": "MSE",
    "sad": "SAD", "grad": "Grad", "conn": "Conn", "dtssd": "dtSSD", "messddt": "MESSDdt",
}  # fmt: skip
LAYOUT = """\
PRED and GT are each one of
  OUT/v001                               a published version (or OUT: its latest)
  CLIP/INSTANCE/FRAME.png|exr|jpg|tif    one clip
  SET/CLIP/INSTANCE/FRAME.png            many clips; also SET/CLIP/pha/... and SET/CLIP/truth/...

examples:
  vimatte evaluate mattes/sh010/v001 truth/sh010
  vimatte evaluate predictions VIM50/gt --convention vim -o report
  vimatte evaluate mattes/sh010 --no-truth mattes/sh010
  vimatte evaluate mattes/sh010/v001 --no-truth plates/sh010.####.exr --guidance roto/sh010
"""


def add_parser(commands: Subparsers) -> argparse.ArgumentParser:
    """Add the command."""
    parser = commands.add_parser(
        "evaluate",
        help="measure mattes against a truth, or their steadiness without one",
        description="Measure mattes against a truth; without one, how steady they are.",
        epilog=LAYOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("predicted", type=Path, metavar="PRED")
    parser.add_argument("truth", type=Path, metavar="GT", nargs="?")
    parser.add_argument(
        "--convention",
        choices=CONVENTIONS,
        default="paper",
        help="the scales of which paper or released program (default: paper)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out Grad, Conn, MESSDdt and IMQ"
    )
    parser.add_argument(
        "--no-truth",
        type=path_text,
        metavar="PLATE|SESSION",
        help="the difference along the plate's motion; of a session its guidance masks' too",
    )
    parser.add_argument(
        "--guidance", type=Path, metavar="MASKS", help="for --no-truth: compare with these masks"
    )
    parser.add_argument(
        "--colorspace", type=name_text, metavar="NAME", help="of PLATE, as OCIO calls it"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="of SESSION; default: its own")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR", help="write evaluation.json and evaluation.html"
    )
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Measure. Raises InputError where the two do not fit together."""
    if args.no_truth is not None:
        if args.truth is not None:
            raise InputError("--no-truth takes no GT", path=args.truth)
        return _without_truth(args, ui)
    if args.truth is None:
        raise InputError("no truth to compare with", hint="PRED GT, or PRED --no-truth PLATE")
    if args.guidance is not None:
        raise InputError("--guidance is for --no-truth", path=args.guidance)
    return _with_truth(args, ui)


def _with_truth(args: argparse.Namespace, ui: Console) -> int:
    # Here, and below: the command line itself is not to wait for the picture libraries.
    from vimatte.evaluate.evaluation import evaluate_clip, paired_clips  # noqa: PLC0415
    from vimatte.evaluate.evaluation_json import as_json  # noqa: PLC0415

    clips = []
    for name, predicted, true in paired_clips(args.predicted, args.truth):
        clips.append(
            evaluate_clip(
                name,
                predicted,
                true,
                convention=args.convention,
                quick=args.quick,
                report=lambda done, total, name=name: ui.progress(name, done, total),  # type: ignore[misc]
            )
        )
        for surplus in clips[-1].surplus:
            ui.event(
                "surplus",
                f"{name}: {surplus} belongs to no instance",
                clip=name,
                prediction=surplus,
            )
    report = as_json(clips, args.convention)
    if ui.json_lines:
        from vimatte.evaluate.figure_page import finite  # noqa: PLC0415

        ui.event("evaluation", "", **finite(report))
    else:
        for table in _tables(clips):
            ui.table(table.title, table.columns, table.rows)
    if args.out is not None:
        from vimatte.evaluate.figure_page import Plot, write_figures, write_page  # noqa: PLC0415

        plots = [
            Plot(
                f"{clip.name}: {NAMES[figure]} of each frame",
                clip.frames,
                {row.name: row.curves[figure] for row in clip.instances},
            )
            for clip in clips
            for figure in ("mad", "dtssd")
        ]
        write_figures(args.out / "evaluation.json", report)
        notes = [f"{args.predicted} against {args.truth}; scales: {args.convention}"]
        write_page(args.out / "evaluation.html", "Evaluation", notes, _tables(clips), plots)
        _say_written(args.out, ui)
    return 0


def _without_truth(args: argparse.Namespace, ui: Console) -> int:
    from vimatte.evaluate.figure_page import (  # noqa: PLC0415
        Plot,
        Table,
        finite,
        shown,
        write_figures,
        write_page,
    )
    from vimatte.evaluate.matte_folders import find_clips  # noqa: PLC0415
    from vimatte.evaluate.session_guidance import SessionGuidance  # noqa: PLC0415
    from vimatte.evaluate.steadiness import mean_steadiness, measure_steadiness  # noqa: PLC0415
    from vimatte.session import MatteSession, Shot  # noqa: PLC0415

    mattes = _single(find_clips(args.predicted), args.predicted)
    masks: MatteClip | None = None
    if args.guidance is not None:
        masks = _single(find_clips(args.guidance), args.guidance)
    with ExitStack() as stack:
        file, session = _session_file(args.no_truth), None
        if file is None:
            shot = Shot(args.no_truth, colorspace=args.colorspace)
        else:
            cache = args.cache or file.parent / "cache"
            session = stack.enter_context(MatteSession.open(file, cache=cache))
            shot = session.file.shot
        plate = stack.enter_context(closing(shot.open()))
        if session is not None and masks is None:
            session.ready()
            masks = SessionGuidance(session, Path(args.no_truth), plate)
        rows: list[Steadiness] = measure_steadiness(
            mattes,
            plate.picture,
            masks,
            report=lambda done, total: ui.progress("follow the motion", done, total),
        )
    own, other = mean_steadiness(rows)
    ratio = other / own if own > 0 else math.nan
    report = {
        "difference": own,
        "guidance": other,
        "ratio": ratio,
        "frames": list(mattes.frames),
        "instances": {
            row.name: {
                "difference": row.difference,
                "guidance": row.guidance,
                "ratio": row.ratio,
                "curve": row.curve,
                "guidance_curve": row.guidance_curve,
            }
            for row in rows
        },
    }
    cells = [
        [row.name, shown(row.difference), shown(row.guidance), shown(row.ratio)] for row in rows
    ]
    cells.append(["mean", shown(own), shown(other), shown(ratio)])
    columns = ("instance", "mattes", "guidance", "guidance / mattes")
    table = Table("difference along the motion, x 1000", columns, cells)
    if ui.json_lines:
        ui.event("steadiness", "", **finite(report))
    else:
        ui.table(table.title, table.columns, table.rows)
    if args.out is not None:
        write_figures(args.out / "evaluation.json", report)
        curves = {row.name: row.curve for row in rows}
        if masks is not None:
            curves |= {f"{row.name}, guidance": row.guidance_curve for row in rows}
        plots = [Plot("difference along the motion of each frame", list(mattes.frames), curves)]
        notes = [f"{args.predicted} over {args.no_truth}"]
        write_page(args.out / "evaluation.html", "Steadiness", notes, [table], plots)
        _say_written(args.out, ui)
    return 0


def _tables(clips: list[ClipResult]) -> list[Table]:
    from vimatte.evaluate.evaluation import FIGURES, mean_figures  # noqa: PLC0415
    from vimatte.evaluate.figure_page import Table, shown  # noqa: PLC0415
    from vimatte.evaluate.image_metrics import pooled  # noqa: PLC0415
    from vimatte.evaluate.instance_metrics import SIMILARITY_WEIGHTS, mean_quality  # noqa: PLC0415

    def cells(figures: dict[str, float]) -> list[str]:
        return [shown(figures[name]) for name in FIGURES]

    errors = [
        [clip.name, row.name, row.prediction or "nobody", *cells(row.figures)]
        for clip in clips
        for row in clip.instances
    ]
    errors.append(["mean", "", "", *cells(mean_figures([clip.figures for clip in clips]))])
    rows = [(clip.name, clip.quality, clip.images) for clip in clips]
    images = [clip.images for clip in clips if clip.images is not None]
    rows.append(
        ("all", mean_quality([c.quality for c in clips]), pooled(images) if images else None)
    )
    quality = [
        [
            name,
            shown(100 * q.rq),
            shown(100 * q.tq),
            *(shown(100 * q.vimq(error)) for error in SIMILARITY_WEIGHTS),
            shown(math.nan if i is None else 100 * i.imq("mad")),
            shown(math.nan if i is None else 100 * i.imq("mse")),
            shown(100 * q.recall),
            shown(100 * q.accuracy),
        ]
        for name, q, i in rows
    ]
    return [
        Table(
            "errors (lower is better)",
            ("clip", "instance", "prediction", *(NAMES[name] for name in FIGURES)),
            errors,
        ),
        Table(
            "quality in percent (higher is better)",
            ("clip", "RQ", "TQ", "VIMQ mse", "VIMQ mad", "VIMQ dtSSD", "IMQ mad", "IMQ mse",
             "recall", "accuracy"),
            quality,
        ),
    ]  # fmt: skip


def _single(clips: dict[str, MatteClip], path: Path) -> MatteClip:
    if len(clips) > 1:
        raise InputError(f"{len(clips)} clips, but one plate", path=path, hint="give one clip")
    return next(iter(clips.values()))


def _session_file(target: str) -> Path | None:
    """Return the session file that a path names, or None where it is a plate."""
    path = Path(target)
    if path.is_dir() and (path / SESSION_NAME).is_file():
        return path / SESSION_NAME
    return path if path.suffix == ".json" else None


def _say_written(out: Path, ui: Console) -> None:
    for name in ("evaluation.json", "evaluation.html"):
        ui.event("written", f"written: {out / name}", path=str(out / name))
