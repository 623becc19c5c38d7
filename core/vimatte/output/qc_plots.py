"""The plots of the QC page, as SVG that reads on light and on dark."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

if TYPE_CHECKING:
    from vimatte.output.qc import Line

GREY = "#8a8a8a"
RED = "#c2483a"


def draw(lines: Sequence[Line], unit: str, marks: Sequence[int], *, salt: str) -> str:
    """Return a plot over frames.

    Parameters
    ----------
    lines : sequence of Line
    unit : str
        What the values are.
    marks : sequence of int
        Frames to draw a line at.
    salt : str
        Another one for each plot of a page, so that their parts have different names.

    Returns
    -------
    str
        An SVG element.
    """
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 9}):
        figure = Figure(figsize=(10, 2.4), layout="constrained")
        axes = figure.add_subplot()
        for line in lines:
            axes.plot(line.frames, line.values, color=line.colour, lw=1.4, label=line.name)
        for frame in marks:
            axes.axvline(frame, color=RED, lw=0.7, alpha=0.5)
        axes.set_ylabel(unit)
        axes.set_xlabel("frame")
        axes.set_ylim(bottom=0)
        axes.ticklabel_format(axis="x", useOffset=False, style="plain")
        # There is no frame between two frames.
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for spine in axes.spines.values():
            spine.set_color(GREY)
        for label in (axes.yaxis.label, axes.xaxis.label):
            label.set_color(GREY)
        axes.tick_params(colors=GREY)
        axes.grid(axis="y", color=GREY, alpha=0.25)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
