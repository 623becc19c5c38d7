# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operators that start a job share: a loop for scripts, a timer for people."""

from __future__ import annotations

import time

import bpy

from .. import compat
from ..client import WorkerFailed
from ..jobs import RUNNING, Job
from ..source import SourceError

INTERVAL = 0.1


class JobOperator:
    """A mix-in: `kind` says what the job does."""

    kind = "guide"

    def _begin(self, context):
        try:
            self._job = Job(context, self.kind)
        except (SourceError, WorkerFailed) as error:
            self.report({"ERROR"}, str(error))
            return False
        return True

    def _finish(self) -> set[str]:
        job = self._job
        if job.error:
            self.report({"WARNING" if job.cancelled else "ERROR"}, job.error)
            return {"CANCELLED"}
        return {"FINISHED"}

    def execute(self, context) -> set[str]:
        """Wait for the job: for scripts and background mode."""
        if not self._begin(context):
            return {"CANCELLED"}
        try:
            while self._job.step():
                time.sleep(0.01)
        except BaseException:
            self._job.kill()
            raise
        return self._finish()

    def invoke(self, context, event) -> set[str]:
        """Start the job and leave Blender free."""
        del event
        if not self._begin(context):
            return {"CANCELLED"}
        # What is undone while it runs must not take the strip's tag away.
        bpy.ops.ed.undo_push(message=f"{self.bl_label}: begun")
        manager = context.window_manager
        self._timer = manager.event_timer_add(INTERVAL, window=context.window)
        manager.progress_begin(0, 100)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event) -> set[str]:
        """Look after the job when the timer rings."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        job = self._job
        if RUNNING.get(job.tag) is job and job.step():
            done, total = job.progress
            context.window_manager.progress_update(100 * done // max(total, 1))
            context.workspace.status_text_set(f"Instance matte: {job.stage} {done}/{total}")
            _redraw(context)
            return {"PASS_THROUGH"}
        context.window_manager.event_timer_remove(self._timer)
        context.window_manager.progress_end()
        context.workspace.status_text_set(None)
        _redraw(context)
        return self._finish()

    def cancel(self, context) -> None:
        """Blender closes: end the worker."""
        del context
        self._job.kill()


def _redraw(context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def strip_is_picture(context) -> bool:
    """Return whether the active strip may be matted, for greying a button out."""
    strip = compat.active_strip(context)
    return strip is not None and strip.type not in ("SOUND", "COLOR", "TEXT")
