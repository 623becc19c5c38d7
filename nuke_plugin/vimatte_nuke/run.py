"""A run: export on the main thread, the worker beside Nuke, a thread that watches it.

The thread touches nothing of Nuke but `ProgressTask` and `executeInMainThread`. Without a user
interface there is no thread: the run is followed to its end.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import nuke
from vimatte_nuke import colour, export, knobs, project, readback, rows
from vimatte_nuke import frames as ranges
from vimatte_nuke.problem import Problem
from vimatte_nuke.undo import quietly
from vimatte_nuke.worker import find_environment, load_client

#: Seconds a worker may go on after it was told to stop, before it is killed.
GRACE = 10.0
#: Seconds without a word after which a worker counts as hung.
SILENCE = float(os.environ.get("VIMATTE_WORKER_SILENCE", "1800"))
POLL = 0.1
JOBS: dict[str, Job] = {}


def requests(node: nuke.Group) -> dict[str, dict[str, Any]]:
    """Export what is missing and return a request for every view. On the main thread.

    Raises
    ------
    Problem
    """
    frames = ranges.parse(str(node["frames"].value()))
    views = project.chosen_views(node)
    base = project.output_folder(node)
    found = {}
    for view in views:
        out = base / view if view else base
        plate = export.plate_files(node, frames, view, out)
        files = {"plate": plate, **export.guidance_fields(node, frames, view, out)}
        found[view] = {
            **{k: text.replace("%V", view).replace("%v", view[:1]) for k, text in files.items()},
            "frames": ranges.text(frames),
            "out": out.as_posix(),
            "cache": project.cache_folder(node, out).as_posix(),
            "model": node["model"].value(),
            "weights": str(node["weights"].value()).strip() or None,
            "device": node["device"].value(),
            "quality": node["quality"].value(),
            "foreground": bool(node["foreground"].value()),
            "cryptomatte": bool(node["cryptomatte"].value()),
            **colour.request_fields(node),
        }
    return found


def named(
    found: list[dict[str, Any]], given: dict[int, str], names: list[str]
) -> list[dict[str, Any]]:
    """Return the rows of a request: found instances under the names the user gave them."""
    made = []
    for index, row in enumerate(found):
        number = int(row["id"])
        name = given.get(number) or (names[index] if index < len(names) else row["name"])
        made.append({"id": number, "name": name, "enabled": True})
    return made


class Job:
    """One press of a button.

    Parameters
    ----------
    node : Node
    only_guide : bool
        Find the instances, compute no matte.

    Raises
    ------
    Problem
        When the node is not ready for it.
    """

    def __init__(self, node: nuke.Group, *, only_guide: bool) -> None:
        if node["run_token"].value() in JOBS:
            raise Problem("the node is at work already: cancel it first")
        with quietly():
            self.requests = requests(node)
        self.only_guide = only_guide
        self.token = uuid.uuid4().hex
        self.name = node.fullName()
        self.state = readback.state_of(node)
        self.given = {n: str(node[f"name_{n}"].value()).strip() for n in knobs.rows(node)}
        # Of a Cryptomatte, they choose the objects instead of naming what is found.
        objects = node["guidance_mode"].value() == knobs.GUIDANCE[4]
        self.names = [] if objects else export.names(node)
        self.folders: dict[str, Path] = {}
        self.warnings: list[str] = []
        self.shown: dict[str, Path] = {}
        self.stop = threading.Event()
        self.wait = not nuke.GUI
        self._module = load_client()
        python = find_environment(self._module, str(node["environment"].value()).strip())
        try:
            self._client = self._module.WorkerClient(python)
        except self._module.WorkerFailed as error:
            raise Problem(str(error)) from error
        with quietly():
            node["run_token"].setValue(self.token)
        JOBS[self.token] = self

    def start(self) -> None:
        """Follow the worker: on a thread where there is a user interface, else here."""
        if self.wait:
            self._follow(None)
        else:
            task = nuke.ProgressTask("Video Instance Matte")
            threading.Thread(target=self._follow, args=(task,), daemon=True).start()

    def cancel(self) -> None:
        """Tell the worker to stop; finished frames are kept."""
        self.stop.set()

    def _follow(self, task: Optional[nuke.ProgressTask]) -> None:
        trouble = ""
        try:
            for view, fields in self.requests.items():
                found: list[dict[str, Any]] = []
                self._ask(task, view, "guide", fields, found)
                if not self.only_guide:
                    given = named(found, self.given, self.names)
                    self._ask(task, view, "run", {**fields, "instances": given}, found)
        except (Problem, self._module.WorkerFailed) as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - a thread's error would vanish, the node hang
            trouble = f"a fault of the plug-in, please report it: {error!r}"
        finally:
            with contextlib.suppress(OSError):
                self._client.close()
            del task  # closes the bar
            self._main(self._finish, trouble)

    def _ask(
        self, task: Any, view: str, kind: str, fields: dict[str, Any], found: list[Any]
    ) -> None:
        """Send a request and follow its answers to the end."""
        self._client.request(kind, **fields)
        told_to_stop = 0.0
        heard = time.monotonic()
        while self._client.busy:
            if not told_to_stop and (self.stop.is_set() or (task and task.isCancelled())):
                self._client.cancel()
                told_to_stop = time.monotonic()
            if told_to_stop and time.monotonic() - told_to_stop > GRACE:
                self._client.kill()
                raise Problem("cancelled; the worker did not stop and was ended")
            if time.monotonic() - heard > SILENCE:
                self._client.kill()
                raise Problem(f"the worker has said nothing for {SILENCE:.0f} s and was ended")
            answers = self._client.poll()
            if not answers:
                time.sleep(POLL)
            for answer in answers:
                heard = time.monotonic()
                self._take(task, view, answer, found)

    def _take(self, task: Any, view: str, answer: dict[str, Any], found: list[Any]) -> None:
        kind = answer.get("type")
        if kind == "progress" and task:
            total = max(1, int(answer.get("total") or 1))
            task.setProgress(min(100, 100 * int(answer.get("done") or 0) // total))
            task.setMessage(f"{view} {answer.get('stage', '')}".strip())
        elif kind == "instances":
            # Read here, so that what is wrong with it is not raised inside of Nuke's own loop.
            found[:] = [
                {
                    "id": int(row["id"]),
                    "name": str(row["name"]),
                    "colour": [float(value) for value in row["colour"]][:3],
                }
                for row in answer["instances"]
            ]
            self._main(self._rows, list(found))
        elif kind == "frame" and answer.get("folder"):
            self.folders[view] = Path(str(answer["folder"]))
            # Every view's folder must be known: one pattern serves them all.
            if len(self.folders) == len(self.requests):
                self._main(self._frame, dict(self.folders))
        elif kind == "done" and answer.get("folder"):
            self.folders[view] = Path(str(answer["folder"]))
        elif kind == "warning":
            # The plate is an export of the frames that were asked for: masks may well have more.
            if not str(answer.get("code") or "").endswith("-frames-unused"):
                self.warnings.append(str(answer.get("message") or ""))
        elif kind == "error":
            parts = [str(answer.get("message") or "the worker failed")]
            if answer.get("frame") is not None:
                parts.append(f"frame {answer['frame']}")
            if answer.get("path"):
                parts.append(f"in {answer['path']}")
            if answer.get("hint"):
                parts.append(f"({answer['hint']})")
            raise Problem(" ".join(parts))

    def _main(self, function: Callable[..., None], *arguments: Any) -> None:
        if self.wait:
            function(*arguments)
        else:
            nuke.executeInMainThread(function, args=arguments)

    # From here on: the main thread. The node may be gone, or be called something else.

    def _rows(self, found: list[dict[str, Any]]) -> None:
        node = readback.find(self.token, self.name)
        if node is None:
            self.stop.set()
            return
        given = named(found, self.given, self.names)
        with quietly():
            rows.set_rows(node, [{**row, **new} for row, new in zip(found, given)])  # noqa: B905

    def _frame(self, folders: dict[str, Path]) -> None:
        node = readback.find(self.token, self.name)
        if node is None:
            self.stop.set()
            return
        try:
            with quietly():
                if self.shown != folders:
                    readback.show(node, folders)
                    self.shown = folders
                else:
                    readback.reload(node)
        except Problem as error:
            readback.tell(node, str(error), marked=True)
            self.stop.set()

    def _finish(self, trouble: str) -> None:
        JOBS.pop(self.token, None)
        node = readback.find(self.token, self.name)
        if node is None:
            return
        with quietly():
            node["run_token"].setValue("")
        told = ""
        if not trouble and not self.only_guide:
            try:
                if not self.folders:
                    raise Problem("the worker published nothing")
                with quietly():
                    readback.show(node, self.folders)
                    node["matted_from"].setValue(self.state)
                    node["farmed_from"].setValue("")
                told = readback.refresh(node)
            except Problem as error:
                trouble = str(error)
        elif not trouble:
            readback.refresh(node)  # the session file is there now
            told = f"{len(knobs.rows(node))} instances found"
            readback.tell(node, told, marked=False)
        if told and self.warnings:
            readback.tell(node, "; ".join([told, *dict.fromkeys(self.warnings)]), marked=True)
        if trouble:
            readback.tell(node, trouble, marked=True)
            if self.wait:
                raise RuntimeError(f"Video Instance Matte: {trouble}")
