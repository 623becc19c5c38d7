"""The QC page: one HTML file that needs nothing else, for a person who has a minute."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from vimatte._version import __version__
from vimatte.frames.types import NetworkFrame
from vimatte.output.pictures import (
    Layer,
    Picture,
    encode,
    matte,
    over_checkerboard,
    overlay,
    shrink,
    write_file,
)
from vimatte.output.publish import NamedInstance
from vimatte.output.qc_statistics import Alpha, Note, Statistics

THUMBNAIL = 480
NOTED_PICTURES = 6


@dataclass(frozen=True)
class Row:
    """One frame of the contact sheet: data URIs of its pictures."""

    frame: int
    note: str
    plate: str
    masks: str
    mattes: str
    checker: str


class QCPage:
    """Collects a shot in two passes: every frame's numbers, then some frames' pictures.

    Parameters
    ----------
    title : str
        The shot's name.
    instances : sequence
        With ``id``, ``name`` and ``colour``.
    facts : mapping of str to str
        Shown at the top: model, guidance, frames, ...
    """

    def __init__(
        self, title: str, instances: Sequence[NamedInstance], facts: Mapping[str, str]
    ) -> None:
        self.title = title
        self.instances = list(instances)
        self.facts = dict(facts)
        self.statistics = Statistics({row.id: row.name for row in instances})
        self._colours = {row.id: row.colour for row in instances}
        self._rows: list[Row] = []

    def pick(self, count: int) -> list[int]:
        """Return the frames to show: `count` evenly spread ones and those worth a look."""
        frames = next((s.frames for s in self.statistics.series.values()), [])
        if not frames:
            return []
        at = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int))
        noted = [note.frame for note in self.statistics.notes()][:NOTED_PICTURES]
        return sorted({frames[i] for i in at} | set(noted))

    def show(
        self, picture: NetworkFrame, alphas: Mapping[int, Alpha], masks: Mapping[int, Alpha]
    ) -> None:
        """Add one frame to the contact sheet.

        Parameters
        ----------
        picture : NetworkFrame
        alphas, masks : mapping of int to (Window, ndarray of float32)
        """
        if picture.window.empty:
            return
        layers, guides = self._layers(alphas), self._layers(masks)
        window = picture.window
        notes = [n for n in self.statistics.notes() if n.frame == picture.frame]
        self._rows.append(
            Row(
                picture.frame,
                "; ".join(f"{n.instance} {n.reason}" for n in notes),
                _uri(overlay(picture.pixels, window, [], 0)),
                _uri(overlay(picture.pixels, window, guides)),
                _uri(matte(window, layers)),
                _uri(over_checkerboard(picture.pixels, window, layers)),
            )
        )

    def write(self, path: Path) -> None:
        """Write the page. Raises OutputError."""
        environment = Environment(
            loader=PackageLoader("vimatte.output"), autoescape=True, trim_blocks=True
        )
        notes = self.statistics.notes()
        page = environment.get_template("qc.html.j2").render(
            title=self.title,
            version=__version__,
            facts=self.facts,
            instances=[
                {
                    "name": row.name,
                    "colour": _css(row.colour),
                    "frames": sum(1 for c in self._series(row).coverage if c > 0),
                    "coverage": _mean(self._series(row).coverage),
                    "change": _mean(self._series(row).change),
                }
                for row in self.instances
            ],
            notes=notes,
            rows=self._rows,
            coverage=self._plot("coverage", "% of the frame", notes),
            change=self._plot("change", "% of the matte", notes),
        )
        write_file(path, page.encode())

    def _series(self, row: NamedInstance) -> Any:
        return self.statistics.series[row.id]

    def _layers(self, alphas: Mapping[int, Alpha]) -> list[Layer]:
        return [
            (window, alpha, self._colours[key])
            for key, (window, alpha) in sorted(alphas.items())
            if key in self._colours
        ]

    def _plot(self, what: str, unit: str, notes: Sequence[Note]) -> str:
        """Return a plot as SVG; grey that reads on light and on dark."""
        with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": what, "font.size": 9}):
            figure = Figure(figsize=(10, 2.4), layout="constrained")
            axes = figure.add_subplot()
            for row in self.instances:
                series = self._series(row)
                axes.plot(
                    series.frames, getattr(series, what), color=row.colour, lw=1.4, label=row.name
                )
            if what == "change":
                for note in notes:
                    axes.axvline(note.frame, color="#c2483a", lw=0.7, alpha=0.5)
            axes.set_ylabel(unit)
            axes.set_xlabel("frame")
            axes.set_ylim(bottom=0)
            axes.ticklabel_format(axis="x", useOffset=False, style="plain")
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            for spine in axes.spines.values():
                spine.set_color("#8a8a8a")
            for label in (axes.yaxis.label, axes.xaxis.label):
                label.set_color("#8a8a8a")
            axes.tick_params(colors="#8a8a8a")
            axes.grid(axis="y", color="#8a8a8a", alpha=0.25)
            stream = io.StringIO()
            figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
        text = stream.getvalue()
        return text[text.index("<svg") :]


def _uri(picture: Picture) -> str:
    data = base64.b64encode(encode(shrink(picture, THUMBNAIL), ".jpg")).decode()
    return f"data:image/jpeg;base64,{data}"


def _css(colour: tuple[float, float, float]) -> str:
    red, green, blue = (round(255 * v) for v in colour)
    return f"rgb({red},{green},{blue})"


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else 0.0
