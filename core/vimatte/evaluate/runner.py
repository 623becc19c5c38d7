"""Run methods over a benchmark; what is done stays on disk, so that a stopped run goes on.

::

    BENCH/results/<benchmark>/<method and weights>/<kind>/<item>.json

Each file holds the tally of one method on one item. New weights have a folder of their own: the
baselines are not computed again for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vimatte.errors import InputError
from vimatte.evaluate import metrics, score
from vimatte.evaluate.items import Item, item_folders, read_item
from vimatte.evaluate.methods import Method
from vimatte.evaluate.picture_files import write_file
from vimatte.evaluate.tally import Tally, TallyBuilder

Plane = NDArray[np.float32]

RESULTS = 2  # raised when results of earlier versions no longer hold
_MOST_FRAMES = 40  # of a clip, for the slow methods


@dataclass(frozen=True)
class Result:
    """One method on one item.

    Attributes
    ----------
    frames : list of int
        The item's frames that were scored, from 0.
    tally : Tally
        Of these frames; instances and predictions in the order of their ids.
    columns : list of int
        Of each instance the prediction of its own id; the column of nothing where it has none.
    extra : dict of str to float
        Grad and Conn, where they were asked for.
    """

    frames: list[int]
    tally: Tally
    columns: list[int]
    extra: dict[str, float] = field(default_factory=dict)


#: By kind, method and item.
Results = dict[str, dict[str, dict[str, Result]]]


def run_benchmark(
    bench: Path,
    methods: Sequence[Method],
    *,
    pairs: int = 12,
    noise_kinds: Sequence[str] | None = None,
    every_metric: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> Results:
    """Score every method on every item; memory holds a few frames of one.

    Parameters
    ----------
    bench : Path
    methods : sequence of Method
    pairs : int
        Of neighbouring frames of a clip on which slow methods are scored, at most 20.
    noise_kinds : sequence of str, optional
        Kinds of items on which methods with noise are run; all but stills by default.
    every_metric : bool
        Grad and Conn of the network, which are slow.
    report : callable, optional
        Told how many frames are done and how many there are.

    Raises
    ------
    InputError
        The folder is no benchmark, or an item is not whole.
    """
    todo = []
    for kind, folders in item_folders(bench).items():
        for folder in folders:
            for method in methods:
                allowed = kind != "stills" if noise_kinds is None else kind in noise_kinds
                if not method.noise or allowed:
                    todo.append((kind, folder, method))
    root = bench / "results" / benchmark_digest(bench)
    results: Results = {}
    opened: tuple[Path, Item] | None = None
    items: dict[Path, list[int]] = {}
    total = done = 0
    for _, folder, method in todo:
        count = len(list((folder / "plate").glob("*.png")))
        items[folder] = list(range(count))
        total += len(_frames_of(count, method, pairs))
    for kind, folder, method in todo:
        if opened is None or opened[0] != folder:
            opened = (folder, read_item(folder))
        item = opened[1]
        frames = _frames_of(len(items[folder]), method, pairs)
        full = every_metric and method.family == "ours" and not method.noise
        name = f"{folder.name}{'' if len(frames) == len(items[folder]) else f'-{pairs}'}"
        path = root / method.key / kind / f"{name}{'-full' if full else ''}.json"
        before = done

        def note(count: int, start: int = before) -> None:
            if report:
                report(start + count, total)

        result = _stored(path, frames)
        if result is None:
            result = score_method(method, item, frames, full=full, report=note)
            _store(path, result)
        done += len(frames)
        note(len(frames))
        results.setdefault(kind, {}).setdefault(method.name, {})[folder.name] = result
    return results


def score_method(
    method: Method,
    item: Item,
    frames: Sequence[int],
    *,
    full: bool = False,
    report: Callable[[int], None] | None = None,
) -> Result:
    """Run one method on some frames of one item."""
    instances, predictions = sorted(item.truth), sorted(item.masks)
    builder = TallyBuilder(len(instances), len(predictions))
    sums: dict[str, list[float]] = {"grad": [], "conn": []}
    count = 0
    for count, (t, alphas) in enumerate(method.run(item, frames), 1):
        truth = [item.truth[i][t] for i in instances]
        try:
            builder.add(t, [alphas[i] for i in predictions], truth)
        except ValueError as error:
            raise InputError(f"the item {item.name}: {error}", frame=t + 1) from error
        if full:
            for i, alpha in zip(instances, truth, strict=True):
                matte = alphas.get(i, np.zeros_like(alpha))
                sums["grad"].append(metrics.grad(matte, alpha))
                sums["conn"].append(metrics.conn(matte, alpha))
        if report:
            report(count)
    columns = [predictions.index(i) if i in predictions else len(predictions) for i in instances]
    extra = {name: float(np.mean(values)) for name, values in sums.items() if values}
    return Result(list(frames), builder.done(), columns, extra)


def benchmark_digest(bench: Path) -> str:
    """Return what tells one build of a benchmark from another. Raises InputError."""
    item_folders(bench)
    return hashlib.sha256((bench / "benchmark.json").read_bytes()).hexdigest()[:12]


def _frames_of(count: int, method: Method, pairs: int) -> list[int]:
    return (
        score.spread_pairs(count, min(pairs, _MOST_FRAMES // 2))
        if method.sparse
        else list(range(count))
    )


def _stored(path: Path, frames: Sequence[int]) -> Result | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["results"] != RESULTS or data["frames"] != list(frames):
            return None
        tally = Tally.from_lists(data["tally"])
        columns = [int(column) for column in data["columns"]]
        extra: Mapping[str, float] = data["extra"]
        if len(columns) != tally.instances or tally.frames != len(frames):
            return None
        return Result(list(frames), tally, columns, dict(extra))
    except (OSError, ValueError, KeyError, TypeError):
        # Missing or broken: it is computed again.
        return None


def _store(path: Path, result: Result) -> None:
    data = {
        "results": RESULTS,
        "frames": result.frames,
        "columns": result.columns,
        "extra": result.extra,
        "tally": result.tally.as_lists(),
    }
    write_file(path, (json.dumps(data) + "\n").encode())
