"""What the speed benchmark found: its numbers, as JSON and as a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from vimatte.cache.atomic import write_atomically
from vimatte.errors import OutputError
from vimatte.output.qc_plots import HEIGHT, WIDTH, Line, plot_svg

STAGES = ("read", "network", "publish")
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#666666")
_TITLE = 34


@dataclass(frozen=True)
class Speed:
    """One measurement.

    Attributes
    ----------
    width, height : int
        Of the plate, in pixels.
    instances : int
    frames : int
        How many frames were timed.
    seconds : dict of str to float
        Of each stage of `STAGES` a frame, the median: the three one after another. In a session
        reading and publishing go on beside the network, so that a shot takes less than their sum.
    """

    width: int
    height: int
    instances: int
    frames: int
    seconds: dict[str, float]

    @property
    def total(self) -> float:
        """Seconds a frame, one stage after another."""
        return sum(self.seconds.values())


@dataclass
class SpeedReport:
    """All that was measured on a machine.

    Attributes
    ----------
    machine : dict
    rows : list of Speed
    left_out : list of tuple of int
        Width, height and instances of what the time was too short for.
    """

    machine: dict[str, Any]
    rows: list[Speed] = field(default_factory=list)
    left_out: list[tuple[int, int, int]] = field(default_factory=list)


def write_report(report: SpeedReport, folder: Path) -> tuple[Path, Path]:
    """Write ``speed.json`` and ``speed.svg``; returns where.

    Raises
    ------
    OutputError
    """
    data = {
        "machine": report.machine,
        "measured": [
            {
                "size": [row.width, row.height], "instances": row.instances, "frames": row.frames,
                "seconds": row.seconds, "total": row.total,
            }
            for row in report.rows
        ],
        "left_out": report.left_out,
    }  # fmt: skip
    numbers, picture = folder / "speed.json", folder / "speed.svg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(numbers, (json.dumps(data, indent=1) + "\n").encode())
        write_atomically(picture, speed_svg(report).encode())
    except OSError as error:
        raise OutputError(f"cannot write the report: {error.strerror}", path=folder) from error
    return numbers, picture


def speed_svg(report: SpeedReport) -> str:
    """Return one picture: a plot a size, milliseconds a frame over the number of instances."""
    sizes = list(dict.fromkeys((row.width, row.height) for row in report.rows))
    high = HEIGHT + _TITLE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high * len(sizes)}" '
        'font-family="sans-serif" font-size="13">',
        _style(),
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (width, height) in enumerate(sizes):
        rows = [row for row in report.rows if (row.width, row.height) == (width, height)]
        counts = [row.instances for row in rows]
        lines = [
            Line(stage, f"s{k}", [1000 * row.seconds[stage] for row in rows])
            for k, stage in enumerate(STAGES)
        ]
        lines.append(Line("together", "s3", [1000 * row.total for row in rows]))
        title = f"{width}x{height}: milliseconds a frame, by instances"
        top = number * high
        keys = "".join(
            f'<tspan class="key{k}" dx="14">{escape(line.name)}</tspan>'
            for k, line in enumerate(lines)
        )
        parts.append(f'<text x="52" y="{top + 22}">{escape(title)}{keys}</text>')
        plot = plot_svg(title, counts, lines, (), " ms")
        place = f'<svg x="0" y="{top + _TITLE}" width="{WIDTH}" height="{HEIGHT}" '
        parts.append(plot.replace("<svg ", place, 1))
    return "\n".join([*parts, "</svg>", ""])


def _style() -> str:
    rules = [
        "text{fill:#333}.grid{stroke:#ddd}.y{text-anchor:end;font-size:11px}",
        ".x{text-anchor:middle;font-size:11px}polyline{fill:none;stroke-width:2}",
    ]
    for k, colour in enumerate(_COLOURS):
        rules.append(f"polyline.s{k}{{stroke:{colour}}}circle.s{k},.key{k}{{fill:{colour}}}")
    return f"<style>{''.join(rules)}</style>"
