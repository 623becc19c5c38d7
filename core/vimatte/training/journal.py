"""What a run shows while it works: a log, curves of its losses, and pictures of its mattes.

::

    RUN/log.jsonl     one object every few steps
    RUN/curves.svg    every loss over all steps, smoothed
    RUN/samples.jpg   plate, mask, matte and truth of crops of the last batch
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vimatte.cache.atomic import write_atomically
from vimatte.output.qc_plots import Line, plot_svg

log = logging.getLogger(__name__)

SAMPLES = 4
SIDE = 192
_SMOOTH = 0.85
_COLOURS = ("#2a6fdb", "#d1495b", "#3a9d5d", "#b07a1f", "#7b4fb5", "#1f9aa8", "#666666", "#c2559d")
_MAX_LINES = 200_000


class Journal:
    """Writes into a run's folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, entry: dict[str, Any]) -> None:
        """Add a line to the log."""
        line = json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in entry.items()})
        with (self._folder / "log.jsonl").open("a") as stream:
            stream.write(line + "\n")
        log.info("%s", line)

    def curves(self) -> None:
        """Draw the losses of the whole log; nothing before its second line."""
        entries = self._entries()
        if len(entries) < 2:
            return
        seen = dict.fromkeys(k for entry in entries for k in entry)
        names = [k for k in seen if k not in ("stage", "step", "done", "pace")]
        lines = []
        for index, name in enumerate(names):
            values: list[float] = []
            kept: float | None = None
            for entry in entries:
                # Stills have no loss over time: the line goes on as it was.
                value = entry.get(name, kept)
                if value is None:
                    values.append(float("nan"))
                    continue
                kept = value if kept is None else _SMOOTH * kept + (1 - _SMOOTH) * value
                values.append(100 * kept)
            lines.append(Line(name, f"c{index % len(_COLOURS)}", values))
        drawn = plot_svg("losses", [int(e["done"]) for e in entries], lines, ())
        style = "".join(f".c{i}{{color:{c}}}" for i, c in enumerate(_COLOURS))
        legend = "".join(
            f'<text class="c{i % len(_COLOURS)}" x="{70 + 90 * i}" y="20">{line.name}</text>'
            for i, line in enumerate(lines)
        )
        head = (
            f"<style>{style} svg{{background:#fff;font:13px sans-serif}}"
            "polyline{fill:none;stroke:currentColor;stroke-width:1.5}circle,text[class^=c]"
            "{fill:currentColor}.grid{stroke:#ddd}.y{text-anchor:end}.x{text-anchor:middle}</style>"
        )
        opening, rest = drawn.split(">", 1)
        opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"')
        drawn = f"{opening}>{head}{legend}{rest}"
        write_atomically(self._folder / "curves.svg", drawn.encode())

    def samples(self, plate: Tensor, masks: Tensor, matte: Tensor, truth: Tensor) -> None:
        """Draw the last frame of some crops, a row each.

        Parameters
        ----------
        plate : Tensor, shape (N, T, 3, P, P), in [0, 1]
        masks, matte, truth : Tensor, shape (N, T, 2, P, P), in [0, 1]
            The target is drawn in white, the reference in blue.
        """
        rows = []
        for index in range(min(SAMPLES, len(plate))):
            tiles = [_picture(plate[index, -1].permute(1, 2, 0))]
            for two in (masks[index, -1], matte[index, -1], truth[index, -1]):
                target, reference = two[0], two[1]
                grey = target[..., None].expand(-1, -1, 3).clone()
                grey[..., 2] = (target + reference).clamp(0, 1)
                tiles.append(_picture(grey))
            rows.append(np.concatenate(tiles, axis=1))
        done, data = cv2.imencode(".jpg", np.concatenate(rows, axis=0)[:, :, ::-1])
        if done:
            write_atomically(self._folder / "samples.jpg", data.tobytes())

    def _entries(self) -> list[dict[str, Any]]:
        path = self._folder / "log.jsonl"
        if not path.exists():
            return []
        lines = path.read_text().splitlines()[-_MAX_LINES:]
        # A run that was killed repeats the steps after its checkpoint: the later line counts.
        found = {}
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # cut short by a kill
                continue
            if "done" in entry:
                found[entry["done"]] = entry
        return [found[done] for done in sorted(found)]


def _picture(values: Tensor) -> NDArray[np.uint8]:
    pixels = (values.detach().float().clamp(0, 1) * 255).round().byte().cpu().numpy()
    shrunk = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)
