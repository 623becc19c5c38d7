"""What a person or a render queue sees of long work: a bar, ``Progress: N%`` lines, or JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

T = TypeVar("T")


class Console:
    """The only place that prints.

    Parameters
    ----------
    json_lines : bool
        One JSON object a line on standard output instead of text.
    openjd : bool
        Progress in the form that Open Job Description reads from a task's output.
    """

    def __init__(self, *, json_lines: bool = False, openjd: bool = False) -> None:
        self.json_lines = json_lines
        self.openjd = openjd
        self._rich = RichConsole(highlight=False, markup=False, emoji=False)
        if not self._rich.is_terminal and "COLUMNS" not in os.environ:
            self._rich.width = 200  # a file or a log has no edge to break tables at
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._stage = ""
        self._percent = -1

    def event(self, kind: str, text: str, **fields: Any) -> None:
        """Say one thing: `text` to a person, `fields` to a machine."""
        if self.json_lines:
            print(json.dumps({"type": kind, **fields}), flush=True)
        elif self._bars is not None:
            self._bars.console.print(text, markup=False, soft_wrap=True)
        else:
            self._rich.print(text, markup=False, soft_wrap=True)

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, or a JSON line for each row."""
        if self.json_lines:
            for row in rows:
                print(json.dumps(dict(zip(columns, row, strict=True)), default=str), flush=True)
            return
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(str(value) for value in row))
        self._rich.print(table)

    def progress(self, stage: str, done: int, total: int, **fields: Any) -> None:
        """Report that `done` of `total` frames of a stage are finished."""
        if self.json_lines:
            line = {"type": "progress", "stage": stage, "done": done, "total": total, **fields}
            print(json.dumps(line), flush=True)
        elif self._rich.is_terminal and not self.openjd:
            self._bar(stage, done, total)
        else:
            percent = 100 if total == 0 else 100 * done // total
            if stage != self._stage:
                self._stage, self._percent = stage, -1
                print(f"{'openjd_status: ' * self.openjd}{stage}: {total} frames", flush=True)
            if percent != self._percent:
                self._percent = percent
                word = f"openjd_progress: {percent}" if self.openjd else f"Progress: {percent}%"
                print(word, flush=True)

    def follow(self, stage: str, items: Iterable[T], total: int) -> Iterator[T]:
        """Pass items on and report each."""
        self.progress(stage, 0, total)
        for done, item in enumerate(items, 1):
            self.progress(stage, done, total, frame=getattr(item, "frame", None))
            yield item

    def close(self) -> None:
        """Leave the last bar as it is and go on below it."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = self._task = None
        sys.stdout.flush()

    def _bar(self, stage: str, done: int, total: int) -> None:
        if self._bars is None or stage != self._stage:
            self.close()
            self._stage = stage
            self._bars = Progress(
                TextColumn("{task.description:<18}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._rich,
            )
            self._bars.start()
            self._task = self._bars.add_task(stage, total=max(total, 1))
        if self._task is not None:
            self._bars.update(self._task, completed=done if total else 1, total=max(total, 1))
        if done >= total:
            self.close()
            self._stage = ""
