"""What the benchmark's results say: tables, the figures to reach, everything for a JSON file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vimatte.evaluate.conventions import frame_curves
from vimatte.evaluate.evaluation_json import quality_json
from vimatte.evaluate.figure_page import Plot, Table, shown
from vimatte.evaluate.instance_metrics import VideoQuality, mean_quality, tally_quality
from vimatte.evaluate.methods import OURS, Method
from vimatte.evaluate.runner import Result, Results
from vimatte.evaluate.score import Score, mean_score, score_tally

NAMES = {"mad": "MAD", "mad_unknown": "MAD unknown", "mse": "MSE", "dtssd": "dtSSD"}
SOLVED = ("closed form", "knn")
RIVALS = ("mask", "guided filter", *SOLVED)
#: Against the best rival at each: on clips and on stills; then after training on a GPU.
GOALS = {
    "clips": {"mad": (0.90, 0.75), "mad_unknown": (0.95, 0.75), "dtssd": (0.75, 0.65)},
    "stills": {"mad": (1.0, 0.9)},
}
KEPT_AT_MOST_NOISE = 0.85
CLOSED = 0.5


@dataclass(frozen=True)
class KindSummary:
    """What was measured on one kind of items.

    Attributes
    ----------
    kind : str
    dense, sparse : dict of str to dict of str to Score
        By method and item: on every frame, and on the slow methods' frames.
    quality : dict of str to VideoQuality
        Of the methods that saw every frame, the mean over items.
    families : dict of str to list of str
        The settings of each family.
    """

    kind: str
    dense: dict[str, dict[str, Score]]
    sparse: dict[str, dict[str, Score]]
    quality: dict[str, VideoQuality]
    families: dict[str, list[str]]
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    noise: dict[float, dict[str, str]] = field(default_factory=dict)
    extra: dict[str, dict[str, float]] = field(default_factory=dict)

    def mean(self, method: str, *, dense: bool = False) -> Score:
        """Return the mean over items."""
        return mean_score(list((self.dense if dense else self.sparse)[method].values()))

    def best(self, family: str) -> str | None:
        """Return the setting of a family with the lowest MAD over all items, in hindsight."""
        settings = [m for m in self.families.get(family, ()) if m in self.sparse]
        return min(settings, key=lambda m: self.mean(m).mad, default=None)


def summarise(results: Results, methods: Sequence[Method]) -> list[KindSummary]:
    """Return a summary of each kind, in the order of the results."""
    return [_summary(kind, rows, methods) for kind, rows in results.items()]


def _summary(
    kind: str, rows: dict[str, dict[str, Result]], methods: Sequence[Method]
) -> KindSummary:
    slow = [m.name for m in methods if m.sparse and m.name in rows]
    families: dict[str, list[str]] = {}
    for method in methods:
        if not method.noise and method.name in rows:
            families.setdefault(method.family, []).append(method.name)
    made = KindSummary(kind, {}, {}, {}, families)
    for method in methods:
        found = rows.get(method.name, {})
        if not found:
            continue
        clean = not method.noise
        if not method.sparse:
            made.dense[method.name] = {
                name: score_tally(result.tally, result.columns) for name, result in found.items()
            }
            made.quality[method.name] = mean_quality(
                [tally_quality(result.tally) for result in found.values()]
            )
        if clean:
            made.sparse[method.name] = {
                name: score_tally(
                    result.tally,
                    result.columns,
                    None if method.sparse else _common(rows, slow, name),
                )
                for name, result in found.items()
            }
        if clean and method.family in (OURS, "mask"):
            for name, result in found.items():
                made.curves.setdefault(name, {}).update(_curves(method.name, result))
        if method.family == OURS and clean:
            made.extra.update({name: r.extra for name, r in found.items() if r.extra})
        if not clean:
            made.noise.setdefault(method.noise, {})[method.family] = method.name
    return made


def _common(rows: dict[str, dict[str, Result]], slow: Sequence[str], item: str) -> list[int] | None:
    """Return the frames that the slow methods were scored on; None for all."""
    return rows[slow[0]][item].frames if slow else None


def _curves(method: str, result: Result) -> dict[str, list[float]]:
    curves = {}
    for figure in ("mad", "dtssd"):
        values = [
            frame_curves(result.tally, g, column)[figure] for g, column in enumerate(result.columns)
        ]
        curves[f"{method} {figure}"] = np.mean(values, axis=0).tolist() if values else []
    return curves


def tables_of(summary: KindSummary) -> list[Table]:
    """Return the tables of one kind."""
    kind, count = summary.kind, len(next(iter(summary.sparse.values()), {}))
    shown_methods = [
        method
        for family in ("mask", "blurred mean", "guided filter", *SOLVED, OURS)
        if (method := summary.best(family)) is not None
    ]
    figures = ["mad", "mad_unknown", "mse"] + (["dtssd"] if kind != "stills" else [])
    tables = []
    dense = [m for m in shown_methods if m in summary.dense]
    if dense:
        rows = [_row(m, summary.mean(m, dense=True), figures) for m in dense]
        names = ["method", *(NAMES[f] for f in figures)]
        if kind != "stills":
            names += ["RQ", "TQ", "VIMQ mse", "VIMQ mad", "VIMQ dtSSD"]
            rows = [
                row + _quality_cells(summary.quality[method])
                for row, method in zip(rows, dense, strict=True)
            ]
        tables.append(Table(f"{kind} ({count}), every frame", names, rows))
    if any(m not in summary.dense for m in shown_methods):
        ours = summary.best(OURS)
        rows = []
        for method in shown_methods:
            mean = summary.mean(method)
            row = _row(method, mean, figures)
            for figure in figures if ours else ():
                ratio = _ratio(getattr(summary.mean(str(ours)), figure), getattr(mean, figure))
                row.append(shown(ratio, 3))
            rows.append(row)
        names = ["method", *(NAMES[f] for f in figures)]
        names += [f"ours / it, {NAMES[f]}" for f in figures] if ours else []
        tables.append(Table(f"{kind} ({count}), the frames of the slow methods", names, rows))
    if "mask" in summary.dense:
        tables.append(_by_item(summary, dense))
    if summary.noise:
        tables.append(_noise_table(summary))
    return tables


def settings_table(summary: KindSummary) -> Table:
    """Return every setting's means on the slow methods' frames."""
    figures = ("mad", "mad_unknown", "dtssd")
    rows = [_row(m, summary.mean(m), figures) for m in summary.sparse]
    columns = ("setting", *(NAMES[f] for f in figures))
    return Table(f"{summary.kind}: every setting", columns, rows)


def claims_of(summary: KindSummary) -> list[tuple[str, float, float, bool]]:
    """Return the figures to reach: what, its value, its bound, and whether it is reached."""
    ours = summary.best(OURS)
    claims: list[tuple[str, float, float, bool]] = []
    if ours is None:
        return claims
    rivals = [m for family in RIVALS if (m := summary.best(family)) is not None]
    goals = GOALS["stills" if summary.kind == "stills" else "clips"]
    for figure, (now, later) in goals.items():
        best = min(rivals, key=lambda m: _or_infinite(getattr(summary.mean(m), figure)), default="")
        if not best:
            continue
        ratio = _ratio(getattr(summary.mean(ours), figure), getattr(summary.mean(best), figure))
        what = f"{NAMES[figure]} / that of the best rival ({best})"
        claims.append((what, ratio, now, ratio <= now))
        claims.append((f"{what}, after a GPU", ratio, later, ratio <= later))
    if summary.kind != "stills" and "mask" in summary.quality:
        value, base = (100 * summary.quality[m].vimq("mad") for m in (ours, "mask"))
        closed = _ratio(value - base, 100 - base)
        claims.append(("share of guidance's distance to 100 closed, VIMQ mad", closed, CLOSED,
                       closed >= CLOSED))  # fmt: skip
    most = max(summary.noise, default=0.0)
    if most and OURS in summary.noise[most]:
        kept = _ratio(
            summary.quality[summary.noise[most][OURS]].vimq("mad"),
            summary.quality[ours].vimq("mad"),
        )
        what = f"VIMQ mad kept at {100 * most:g}% noise"
        claims.append((what, kept, KEPT_AT_MOST_NOISE, kept >= KEPT_AT_MOST_NOISE))
    return claims


def plots_of(summary: KindSummary) -> list[Plot]:
    """Return curves over the frames of every clip, and over the noise."""
    plots = []
    for item, curves in summary.curves.items():
        count = max((len(c) for c in curves.values()), default=0)
        for figure in ("mad", "dtssd") if count > 1 else ():
            chosen = {n.removesuffix(f" {figure}"): c for n, c in curves.items() if
                      n.endswith(f" {figure}")}  # fmt: skip
            title = f"{summary.kind}, {item}: {NAMES[figure]} of each frame"
            plots.append(Plot(title, range(1, count + 1), chosen))
    if summary.noise:
        levels = _levels(summary)
        curves = {
            family: [100 * summary.quality[names[family]].vimq("mad") for names in levels.values()]
            for family in (OURS, "mask")
            if all(family in names for names in levels.values())
        }
        over = [round(100 * level) for level in levels]
        plots.append(Plot(f"{summary.kind}: VIMQ mad over percent of noise", over, curves))
    return plots


def as_json(summaries: Sequence[KindSummary]) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        summary.kind: {
            "every_frame": _plain(summary.dense),
            "slow_frames": _plain(summary.sparse),
            "means_on_every_frame": {m: asdict(summary.mean(m, dense=True)) for m in summary.dense},
            "means_on_slow_frames": {m: asdict(summary.mean(m)) for m in summary.sparse},
            "best": {family: summary.best(family) for family in summary.families},
            "quality": {m: quality_json(q) for m, q in summary.quality.items()},
            "noise": {f"{100 * level:g}": names for level, names in summary.noise.items()},
            "grad_and_conn": summary.extra,
            "claims": [
                {"claim": what, "value": value, "bound": bound, "reached": reached}
                for what, value, bound, reached in claims_of(summary)
            ],
        }
        for summary in summaries
    }


def _by_item(summary: KindSummary, methods: Sequence[str]) -> Table:
    figures = ["mad"] + (["dtssd"] if summary.kind != "stills" else [])
    rows = [
        [item, *(shown(getattr(summary.dense[m][item], f)) for f in figures for m in methods)]
        for item in summary.dense["mask"]
    ]
    names = [f"{NAMES[f]}, {m}" for f in figures for m in methods]
    return Table(f"{summary.kind}, by item", ["item", *names], rows)


def _noise_table(summary: KindSummary) -> Table:
    rows = []
    clean = summary.quality.get(OURS)
    for level, names in _levels(summary).items():
        row = [f"{100 * level:g}%"]
        for family in ("mask", OURS):
            name = names.get(family)
            if name is None:
                row += ["-"] * 2
                continue
            row.append(shown(100 * summary.quality[name].vimq("mad")))
            row.append(shown(summary.mean(name, dense=True).mad))
        if clean is not None and OURS in names:
            value = summary.quality[names[OURS]].vimq("mad")
            row.append(shown(_ratio(value, clean.vimq("mad")), 3))
        else:
            row.append("-")
        rows.append(row)
    columns = ("noise", "VIMQ mad, mask", "MAD, mask", "VIMQ mad, ours", "MAD, ours", "kept")
    return Table(f"{summary.kind}: salt and pepper on the masks, not filtered", columns, rows)


def _levels(summary: KindSummary) -> dict[float, dict[str, str]]:
    clean = {family: family for family in (OURS, "mask") if family in summary.quality}
    return {0.0: clean, **dict(sorted(summary.noise.items()))}


def _quality_cells(quality: VideoQuality) -> list[str]:
    values = (quality.rq, quality.tq, *(quality.vimq(error) for error in ("mse", "mad", "dtssd")))
    return [shown(100 * value) for value in values]


def _row(method: str, score: Score, figures: Sequence[str]) -> list[str]:
    return [method, *(shown(getattr(score, figure)) for figure in figures)]


def _plain(scores: dict[str, dict[str, Score]]) -> dict[str, Any]:
    return {m: {item: asdict(s) for item, s in row.items()} for m, row in scores.items()}


def _ratio(value: float, by: float) -> float:
    return value / by if by else math.nan


def _or_infinite(value: float) -> float:
    return math.inf if math.isnan(value) else value
