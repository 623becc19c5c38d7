"""Tables and curves as one HTML page, drawn as the QC page draws its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from vimatte.evaluate.picture_files import write_file
from vimatte.output.qc_plots import Line, plot_svg

_COLOURS = 8
_MOST_LINES = 24  # more cannot be told apart


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its rows' cells are shown as they are."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves over numbers that ascend by 1 or more, such as frames.

    Attributes
    ----------
    title : str
    over : sequence of int
    curves : mapping of str to sequence of float
        By name, one value for each of `over`; NaN breaks a line.
    unit : str
        What follows the numbers of the scale.
    """

    title: str
    over: Sequence[int]
    curves: Mapping[str, Sequence[float]]
    unit: str = ""

    @property
    def lines(self) -> list[Line]:
        """The curves with the page's colours."""
        chosen = list(self.curves.items())[:_MOST_LINES]
        return [Line(name, f"l{k % _COLOURS}", values) for k, (name, values) in enumerate(chosen)]

    @property
    def svg(self) -> str:
        """The picture."""
        return plot_svg(self.title, self.over, self.lines, (), self.unit)


def write_page(
    path: Path, title: str, notes: Sequence[str], tables: Sequence[Table], plots: Sequence[Plot]
) -> None:
    """Write the page. Raises OutputError."""
    environment = Environment(
        loader=PackageLoader("vimatte.output"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("figures.html.j2").render(
        title=title, notes=notes, tables=tables, plots=[plot for plot in plots if plot.over]
    )
    write_file(path, page.encode())


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures as JSON; what is not finite becomes null. Raises OutputError."""
    write_file(path, (json.dumps(finite(figures), indent=1) + "\n").encode())


def finite(value: Any) -> Any:
    """Return the same with None for every NaN and infinity, as JSON knows neither."""
    if isinstance(value, Mapping):
        return {str(key): finite(v) for key, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def shown(value: float, digits: int = 2) -> str:
    """Return a figure for a table; a dash where there is none."""
    return "-" if not math.isfinite(value) else f"{value:.{digits}f}"
