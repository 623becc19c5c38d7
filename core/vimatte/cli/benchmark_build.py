"""``vimatte benchmark build``: composite clips whose truth is known."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vimatte.cli.progress import Console
from vimatte.errors import InputError

if TYPE_CHECKING:
    from vimatte.evaluate.backgrounds import Background
    from vimatte.evaluate.foregrounds import Foreground
    from vimatte.evaluate.synthetic import SyntheticOptions

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


DEFAULT_FOLDER = Path("benchmark")
SETS = {"vim50": (50,), "vhim60": (20, 20, 20)}  # clips of each kind of a set
# Drawn instances measure no quality; few and small ones tell whether anything changed, in minutes.
DRAWN_CLIPS, DRAWN_FRAMES, DRAWN_SIZE = 4, 8, (427, 240)
FILMED_FRAMES, FILMED_SIZE = 50, (854, 480)
KINDS = {"vim50": ("vim50",), "vhim60": ("easy", "medium", "hard")}
STYLES = ("vim50", "vhim60", "quality")
RECIPE_FRAMES = 40
PROCEDURAL = "procedural: drawn from the seed"
TEXT = """\
styles:
  vim50    clips of 2, 3 and 4 instances (35:10:5) that hide parts of each other
  vhim60   three levels by how much is hidden: easy, medium (5-30%), hard (50-85%)
  quality  the fixed clips and stills of docs/figures.md; needs --talker, --stamps, --backgrounds

Without --foregrounds, --stamps or --talker the instances of vim50 and vhim60 are drawn, and so are
the places without --backgrounds: that works anywhere, but measures on the kind of material that
training uses. Clips of drawn instances are few, short and small by default: 4 of 8 frames of
427x240. Others are 50 (vhim60: 3 x 20) of 50 frames (quality: 40) of 854x480.
"""


@dataclass(frozen=True)
class Builder:
    """What makes one kind of items: how many items and frames, and the records as they come."""

    items: int
    frames: int
    records: Iterator[Mapping[str, Any]]


def add_parser(actions: Subparsers) -> argparse.ArgumentParser:
    """Add the action."""
    parser = actions.add_parser(
        "build",
        help="composite clips whose truth is known",
        description="Composite clips whose truth is known, the same for the same seed. Run again, "
        "it goes on where it was stopped.",
        epilog=TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "out", type=Path, nargs="?", default=DEFAULT_FOLDER, metavar="BENCH",
        help=f"default: {DEFAULT_FOLDER}",
    )  # fmt: skip
    parser.add_argument("--style", choices=STYLES, nargs="+", default=["vim50"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips", type=int, metavar="N", help="of each kind")
    parser.add_argument("--frames", type=int, metavar="T", help="of each clip")
    parser.add_argument("--size", type=picture_size, metavar="WxH")
    group = parser.add_argument_group("material")
    group.add_argument(
        "--foregrounds", type=Path, nargs="+", metavar="PLACE",
        help="clips with alpha or before green, RGBA sequences and pictures; or folders of them",
    )  # fmt: skip
    group.add_argument(
        "--talker",
        type=Path,
        metavar="MOVIE",
        help="one person before pure green; beside others as often as all of them",
    )
    group.add_argument(
        "--backgrounds", type=Path, nargs="+", metavar="PLACE", help="photographs and movies"
    )
    group.add_argument("--stamps", type=Path, metavar="DIR", help="tuxpaint's cut-outs")
    group = parser.add_argument_group("guidance of vim50 and vhim60")
    group.add_argument(
        "--guidance", choices=("degraded", "torn", "noise", "people"), default="degraded"
    )
    group.add_argument(
        "--strength", type=float, default=1.0, help="of a detector's errors; 0 is a clean threshold"
    )
    group.add_argument(
        "--noise", type=float, default=10.0, metavar="PERCENT", help="salt and pepper, 0 to 25"
    )
    return parser


def run(args: argparse.Namespace, ui: Console) -> int:
    """Build. Raises InputError for options or material that cannot be used."""
    from vimatte.evaluate.items import write_manifest  # noqa: PLC0415

    manifest: dict[str, Any] = {"seed": args.seed, "strength": args.strength}
    builders: dict[str, Builder] = {}
    if "quality" in args.style:
        builders |= _recipes(args)
    sets = [style for style in args.style if style in SETS]
    if sets:
        material, made = _sets(args, sets)
        manifest["material"] = material
        builders |= made
        for what, names in material.items():
            ui.event("material", f"{what}: {_short(names)}", what=what, names=names)
    total = sum(builder.items for builder in builders.values())
    done, frames = 0, sum(builder.frames for builder in builders.values())
    ui.progress("build", 0, frames)
    for kind, builder in builders.items():
        for record in builder.records:
            manifest.setdefault(kind, []).append(record)
            done += builder.frames // builder.items
            ui.progress("build", done, frames)
    write_manifest(args.out, manifest)
    ui.event("built", f"{total} items: {args.out}", path=str(args.out), items=total)
    return 0


def _recipes(args: argparse.Namespace) -> dict[str, Builder]:
    from vimatte.evaluate.clips import RECIPES, build_clips  # noqa: PLC0415
    from vimatte.evaluate.stills import STAMPS, TALKER_FRAMES, build_stills  # noqa: PLC0415

    needed = {"--talker": args.talker, "--stamps": args.stamps, "--backgrounds": args.backgrounds}
    for option, given in needed.items():
        if not given:
            raise InputError(
                f"the style quality needs {option}", hint="docs/benchmark.md says where it lies"
            )
    common = {"seed": args.seed, "strength": args.strength}
    frames = args.frames or RECIPE_FRAMES
    return {
        "clips": Builder(
            len(RECIPES),
            len(RECIPES) * frames,
            build_clips(args.out, args.talker, args.backgrounds, frames=frames, **common),
        ),
        "stills": Builder(
            len(STAMPS) + len(TALKER_FRAMES),
            len(STAMPS) + len(TALKER_FRAMES),
            build_stills(args.out, args.talker, args.stamps, args.backgrounds, **common),
        ),
    }


def _sets(args: argparse.Namespace, styles: list[str]) -> tuple[dict[str, Any], dict[str, Builder]]:
    from vimatte.evaluate.synthetic import SyntheticOptions, build_set, check_options  # noqa: PLC0415

    filmed = _filmed(args)
    frames, size = (FILMED_FRAMES, FILMED_SIZE) if filmed else (DRAWN_FRAMES, DRAWN_SIZE)
    options = SyntheticOptions(
        seed=args.seed,
        frames=frames if args.frames is None else args.frames,
        size=args.size or size,
        guidance=args.guidance,
        strength=args.strength,
        noise=args.noise / 100,
    )
    plan = {
        kind: (clips if filmed else DRAWN_CLIPS) if args.clips is None else args.clips
        for style in styles
        for kind, clips in zip(KINDS[style], SETS[style], strict=True)
    }
    for kind, clips in plan.items():
        check_options(kind, clips, options)
    foregrounds, backgrounds = _material(args, options)
    material = {
        "foregrounds": sorted({f.name for f in foregrounds}) if filmed else PROCEDURAL,
        "backgrounds": [b.name for b in backgrounds] if args.backgrounds else PROCEDURAL,
    }
    return material, {
        kind: Builder(
            clips,
            clips * options.frames,
            build_set(args.out, kind, clips, foregrounds, backgrounds, options),
        )
        for kind, clips in plan.items()
    }


def _material(
    args: argparse.Namespace, options: SyntheticOptions
) -> tuple[list[Foreground], list[Background]]:
    from vimatte.evaluate.backgrounds import (  # noqa: PLC0415
        find_backgrounds,
        procedural_backgrounds,
    )
    from vimatte.evaluate.foregrounds import (  # noqa: PLC0415
        find_foregrounds,
        procedural_foregrounds,
    )
    from vimatte.evaluate.stills import STAMPS  # noqa: PLC0415

    filmed = find_foregrounds(args.foregrounds or ())
    filmed += find_foregrounds([args.stamps / name for name in STAMPS] if args.stamps else ())
    if args.talker:
        # One person among many cut-outs: as often as all of them together.
        filmed += find_foregrounds([args.talker]) * max(1, len(filmed))
    return (
        filmed or procedural_foregrounds(args.seed, 24, options.size[1]),
        find_backgrounds(args.backgrounds)
        if args.backgrounds
        else procedural_backgrounds(args.seed, 12),
    )


def _filmed(args: argparse.Namespace) -> bool:
    return bool(args.foregrounds or args.talker or args.stamps)


def _short(names: str | list[str]) -> str:
    if isinstance(names, str):
        return names
    rest = len(names) - 5
    return ", ".join(names[:5]) + (f" and {rest} more" if rest > 0 else "")


def picture_size(text: str) -> tuple[int, int]:
    """Return width and height of ``WxH``, for argparse."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"not a size such as 854x480: {text!r}")
    return int(match[1]), int(match[2])
