"""The QC page: one HTML file that needs nothing else, for a person who has a minute."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader

from vimatte._version import __version__
from vimatte.frames.types import NetworkFrame
from vimatte.notices import Notice
from vimatte.output.pictures import Layer, Picture, Scene, encode
from vimatte.output.qc_notes import Note, notes
from vimatte.output.qc_plots import Line, Mark, plot_svg
from vimatte.output.qc_statistics import Alpha, InstanceSeries, Statistics
from vimatte.output.version import NamedInstance
from vimatte.output.write_error import write_file

PICTURE_SIDE = 720
NOTED_PICTURES = 6
# Lines keep this contrast to the page, whatever colour an instance has.
_DARKEST, _LIGHTEST = 0.16, 0.42


@dataclass(frozen=True, slots=True)
class Row:
    """One frame of the contact sheet: data URIs of its pictures.

    Attributes
    ----------
    frame : int
    plate, masks, mattes, kept : str
        The frame, the guidance on it, the mattes alone, and what they keep of the frame.
    """

    frame: int
    plate: str
    masks: str
    mattes: str
    kept: str


class QCPage:
    """Collects a shot in two passes: every frame's numbers, then some frames' pictures.

    Memory holds three numbers an instance and frame, one frame's mattes, and the few pictures.

    Parameters
    ----------
    title : str
        The shot's name.
    instances : sequence
        With ``id``, ``name`` and ``colour``.
    facts : mapping of str to str
        Shown at the top: model, guidance, frames, ...
    notices : sequence of Notice
        What the user should know of their input; shown below the facts.

    Attributes
    ----------
    statistics : Statistics
        Feed it every frame, in order, before `pick`.
    """

    def __init__(
        self,
        title: str,
        instances: Sequence[NamedInstance],
        facts: Mapping[str, str],
        notices: Sequence[Notice] = (),
    ) -> None:
        self.title = title
        self.instances = list(instances)
        self.facts = dict(facts)
        self.notices = list(notices)
        self.statistics = Statistics({row.id: row.name for row in instances})
        self._colours = {row.id: row.colour for row in instances}
        self._rows: list[Row] = []

    @property
    def notes(self) -> list[Note]:
        """The frames worth a look, the most striking first."""
        return notes(self.statistics)

    def pick(self, count: int) -> list[int]:
        """Return the frames to show: `count` evenly spread ones and those most worth a look."""
        frames = self.statistics.frames
        if not frames:
            return []
        at = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
        noted = list(dict.fromkeys(note.frame for note in self.notes))
        return sorted({frames[i] for i in at} | set(noted[:NOTED_PICTURES]))

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
        pixels, window = picture.pixels, picture.window
        guided = Scene.of(pixels, window, self._layers(masks), PICTURE_SIDE)
        matted = Scene.of(pixels, window, self._layers(alphas), PICTURE_SIDE)
        self._rows.append(
            Row(
                picture.frame,
                _uri(guided.plate()),
                _uri(guided.overlay()),
                _uri(matted.matte()),
                _uri(matted.over_checkerboard()),
            )
        )

    def write(self, path: Path) -> None:
        """Write the page. Raises OutputError."""
        environment = Environment(
            loader=PackageLoader("vimatte.output"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        found = self.notes
        shown = {row.frame for row in self._rows}
        series = self.statistics.series
        page = environment.get_template("qc.html.j2").render(
            title=self.title,
            version=__version__,
            facts=self.facts,
            notices=self.notices,
            instances=[_summary(row, series[row.id]) for row in self.instances],
            notes=found,
            shown=shown,
            rows=sorted(self._rows, key=lambda row: row.frame),
            reasons=_reasons(found),
            plots=self._plots(found, shown),
            cuts=self.statistics.cuts,
            frame_count=len(self.statistics.frames),
        )
        write_file(path, page.encode())

    def _plots(self, found: Sequence[Note], shown: set[int]) -> list[tuple[str, str, str]]:
        frames = self.statistics.frames
        if not frames:
            return []
        marks = [Mark(cut, f"cut at {cut}", "cut") for cut in self.statistics.cuts]
        marks += [
            Mark(
                note.frame,
                f"{note.frame}: {note.instance} {note.reason}",
                "note",
                f"#f{note.frame}" if note.frame in shown else "",
            )
            for note in found
        ]
        kinds = (
            ("Coverage", "How much of the frame each matte covers.", "coverage"),
            ("Change", "How much of each matte differs from the frame before.", "change"),
        )
        out = []
        for title, text, kind in kinds:
            lines = [
                Line(row.name, f"i{row.id}", getattr(self.statistics.series[row.id], kind))
                for row in self.instances
            ]
            out.append((title, text, plot_svg(title, frames, lines, marks)))
        return out

    def _layers(self, alphas: Mapping[int, Alpha]) -> list[Layer]:
        return [
            (window, alpha, self._colours[key])
            for key, (window, alpha) in sorted(alphas.items())
            if key in self._colours
        ]


def _summary(row: NamedInstance, series: InstanceSeries) -> dict[str, object]:
    present = [v for v in series.coverage if v > 0]
    return {
        "id": row.id,
        "name": row.name,
        "on_light": _css(_toned(row.colour, 0.0, _LIGHTEST)),
        "on_dark": _css(_toned(row.colour, _DARKEST, 1.0)),
        "frames": len(present),
        "coverage": _median(present),
        "change": _median(series.change),
        "soft": max(series.soft, default=0.0),
    }


def _reasons(found: Sequence[Note]) -> dict[int, str]:
    out: dict[int, list[str]] = {}
    for note in found:
        out.setdefault(note.frame, []).append(f"{note.instance} {note.reason}")
    return {frame: "; ".join(lines) for frame, lines in out.items()}


def _uri(picture: Picture) -> str:
    data = base64.b64encode(encode(picture, ".jpg")).decode()
    return f"data:image/jpeg;base64,{data}"


def _toned(
    colour: tuple[float, float, float], least: float, most: float
) -> tuple[float, float, float]:
    """Return the colour with a luminance between two bounds."""
    linear = np.power(np.clip(colour, 0, 1), 2.2)
    weights = np.array([0.2126, 0.7152, 0.0722])
    luminance = float(weights @ linear)
    if luminance > most:
        linear = linear * (most / luminance)
    elif luminance < least:
        linear = linear + (1 - linear) * ((least - luminance) / (1 - luminance))
    red, green, blue = np.power(linear, 1 / 2.2).tolist()
    return red, green, blue


def _css(colour: tuple[float, float, float]) -> str:
    red, green, blue = (round(255 * v) for v in colour)
    return f"rgb({red},{green},{blue})"


def _median(values: Sequence[float]) -> float:
    finite = [v for v in values if math.isfinite(v)]
    return float(np.median(finite)) if finite else 0.0
