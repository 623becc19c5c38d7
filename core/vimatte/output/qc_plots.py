"""Line plots as plain SVG: styled by the page, so that they read on light and on dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 1000, 222
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 26, 10, 26
# More points than this are thinned: a screen has no more columns.
_MOST_POINTS = 1600


@dataclass(frozen=True, slots=True)
class Line:
    """One instance's line.

    Attributes
    ----------
    name : str
    style : str
        CSS class that sets ``color``.
    values : sequence of float
        One a frame, by default in percent; NaN breaks the line.
    """

    name: str
    style: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line at a frame: a cut, or a frame worth a look that links to its pictures."""

    frame: int
    title: str
    style: str
    link: str = ""


def plot_svg(
    label: str,
    frames: Sequence[int],
    lines: Sequence[Line],
    marks: Sequence[Mark],
    unit: str = "%",
) -> str:
    """Return a plot over frame numbers, which are at least one.

    Parameters
    ----------
    label : str
        What is drawn, for screen readers.
    frames : sequence of int
        Ascending.
    lines : sequence of Line
    marks : sequence of Mark
    unit : str
        What follows the numbers of the scale.
    """
    first, last = frames[0], max(frames[-1], frames[0] + 1)
    highest = max((v for line in lines for v in line.values if math.isfinite(v)), default=0.0)
    step = nice_step(highest / 4 or 0.25)
    top = step * max(1, math.ceil(highest / step - 1e-9))

    def across(frame: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (frame - first) / (last - first)

    def down(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top

    out = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for count in range(round(top / step) + 1):
        value = count * step
        y = f"{down(value):.1f}"
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        out.append(f'<text class="y" x="{_LEFT - 7}" y="{y}">{value:.6g}{escape(unit)}</text>')
    for frame in frame_ticks(first, frames[-1]):
        x = f"{across(frame):.1f}"
        bottom = HEIGHT - _BOTTOM
        out.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{bottom}" y2="{bottom + 4}"/>')
        out.append(f'<text class="x" x="{x}" y="{bottom + 18}">{frame}</text>')
    for mark in marks:
        x = f"{across(mark.frame):.1f}"
        stroke = (
            f'<line class="{mark.style}" x1="{x}" x2="{x}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}">'
            f"<title>{escape(mark.title)}</title></line>"
        )
        out.append(f'<a href="{escape(mark.link)}">{stroke}</a>' if mark.link else stroke)
    for line in lines:
        title = f"<title>{escape(line.name)}</title>"
        for piece in _pieces(frames, line.values):
            points = [f"{across(f):.1f},{down(v):.1f}" for f, v in piece]
            if len(points) == 1:
                x, y = points[0].split(",")
                out.append(
                    f'<circle class="{line.style}" cx="{x}" cy="{y}" r="2.5">{title}</circle>'
                )
            else:
                out.append(
                    f'<polyline class="{line.style}" points="{" ".join(points)}">{title}</polyline>'
                )
    out.append("</svg>")
    return "\n".join(out)


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= least * (1 - 1e-9))


def frame_ticks(first: int, last: int) -> list[int]:
    """Return at most about a dozen round frame numbers of a range."""
    step = max(1, round(nice_step(max(1, (last - first) / 11))))
    ticks = list(range(-(-first // step) * step, last + 1, step))
    return ticks or [first]


def _pieces(frames: Sequence[int], values: Sequence[float]) -> list[list[tuple[int, float]]]:
    """Return the unbroken stretches; of neighbours that share a column, the highest."""
    bucket = -(-len(frames) // _MOST_POINTS)
    out: list[list[tuple[int, float]]] = [[]]
    for at in range(0, len(frames), bucket):
        known = [
            (v, f)
            for f, v in zip(frames[at : at + bucket], values[at : at + bucket], strict=True)
            if math.isfinite(v)
        ]
        if known:
            value, frame = max(known)
            out[-1].append((frame, value))
        elif out[-1]:
            out.append([])
    return [piece for piece in out if piece]
