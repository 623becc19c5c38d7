"""The QC page: one HTML file that needs nothing else, for a person who has a minute."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader

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
class Line:
    """One instance's line in a plot."""

    name: str
    colour: tuple[float, float, float]
    frames: Sequence[int]
    values: Sequence[float]


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
        lines = [
            Line(row.name, row.colour, self._series(row).frames, getattr(self._series(row), what))
            for row in self.instances
        ]
        marks = [note.frame for note in notes] if what == "change" else []
        # matplotlib takes long to import; a second run from the cache writes no page.
        plots = import_module("vimatte.output.qc_plots")
        return str(plots.draw(lines, unit, marks, salt=what))


def _uri(picture: Picture) -> str:
    data = base64.b64encode(encode(shrink(picture, THUMBNAIL), ".jpg")).decode()
    return f"data:image/jpeg;base64,{data}"


def _css(colour: tuple[float, float, float]) -> str:
    red, green, blue = (round(255 * v) for v in colour)
    return f"rgb({red},{green},{blue})"


def _mean(values: Sequence[float]) -> float:
    finite = [v for v in values if np.isfinite(v)]
    return float(np.mean(finite)) if finite else 0.0
