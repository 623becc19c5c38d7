# SPDX-License-Identifier: GPL-3.0-or-later
"""One strip's work: a generator that an operator steps, by a timer or in a loop."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Optional

import bpy

from . import client, compat, properties, wire
from .preferences import find_python
from .pull import Pull
from .source import SourceError, absolute, find, portable, read, window_of

CANCELLED = "Cancelled; finished frames are kept"
#: Pictures that may say how they are to be turned; Blender takes no notice of it.
ORIENTED = {".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".dpx", ".png", ".webp"}
#: The jobs that run, by the shot's tag.
RUNNING: dict[str, Job] = {}


class Job:
    """Find the people of a strip, or matte it.

    Parameters
    ----------
    kind : {"guide", "run"}

    Raises
    ------
    SourceError, WorkerFailed
        Before anything has begun.
    """

    def __init__(self, context, kind: str) -> None:
        scene, strip = compat.sequencer_scene(context), compat.active_strip(context)
        settings = scene.vimatte
        window = (0, 0) if strip is None else window_of(scene, strip, settings.frames)
        masks = settings.guidance != "PEOPLE"
        self.through = masks
        self.source = read(scene, strip, window, through=masks)
        self.guidance, self.result = settings.guidance, settings.result
        if kind == "run":
            wire.check(self.source, self.result)
        shot = properties.make_shot(scene, strip)
        if shot.name in RUNNING:
            raise SourceError("This strip is being worked on already: wait, or cancel")
        self.kind, self.tag, self.context = kind, shot.name, context
        self.python = find_python()
        if not shot.folder:
            stem = "".join(c if c.isalnum() else "_" for c in strip.name)[:40]
            shot.folder = f"{settings.folder.rstrip('/')}/{stem}_{shot.name[:6]}"
        self.out = Path(absolute(shot.folder))
        self.fields = self._request(settings, shot)
        self.progress, self.stage, self.error = (0, 1), "starting", ""
        self.cancelled, self._client, self._pull = False, None, None
        shot.failed, shot.message = False, "working"
        self._steps = self._work()
        RUNNING[self.tag] = self

    def _request(self, settings, shot) -> dict:
        first, last = self.source.wanted
        fields = {
            "out": str(self.out),
            "frames": f"{first}-{last}",
            "model": settings.model,
            "device": settings.device,
            "quality": settings.quality,
            "instances": properties.instance_rows(shot),
        }
        if self.source.rendered:
            fields["colorspace"] = "sRGB"
        else:
            fields["plate"] = self.source.plate
        return fields

    def step(self) -> bool:
        """Go on for a moment; return whether there is more to do. Never raises."""
        try:
            next(self._steps)
        except StopIteration:
            self._end()
        except (SourceError, client.WorkerFailed, RuntimeError, OSError) as error:
            self.error = str(error)
            self._end()
        else:
            return True
        return False

    def cancel(self) -> None:
        """Stop; finished frames are kept."""
        self.cancelled = True
        if self._pull is not None:
            self._pull.stop()
        if self._client is not None:
            self._client.cancel()

    def kill(self) -> None:
        """Stop without waiting for anything."""
        self.cancelled = True
        if self._pull is not None:
            self._pull.stop()
        if self._client is not None:
            self._client.kill()
        RUNNING.pop(self.tag, None)

    def _work(self) -> Iterator[None]:
        scene = self._scene()
        strip = None if scene is None else find(scene, self.tag)
        if strip is None:
            raise SourceError("The strip was deleted")
        if not self.cancelled and not self.source.rendered and _may_differ(strip, self.source):
            yield from self._compare(scene, strip)
        if self.source.rendered:
            self.stage = "rendering the strip"
            self._pull = Pull(scene, self.tag, self.source.wanted, self.out, self.guidance)
            while not self.cancelled and self._pull.running():
                self.progress = self._pull.progress()
                yield
            if self.cancelled:
                raise SourceError(CANCELLED)
            self.fields["plate"] = self._pull.plate
            if self._pull.masks:
                order = self._pull.order()
                self.fields.update(guidance="masks", masks=self._pull.masks, order=order)
            self._pull = None
        if self.cancelled:
            raise SourceError(CANCELLED)
        if self.kind == "run":
            wire.check(self.source, self.result)
        cutout = self.result == "CUTOUT"
        done = yield from self._ask(self.kind, vse=not cutout, cutout=cutout, **self.fields)
        if done is not None and self.kind == "run":
            self._wire(done)

    def _ask(self, kind: str, **fields) -> Generator[None, None, Optional[dict]]:  # noqa: UP045
        """Send a request to the worker and return its last answer."""
        if self._client is None:
            self._client = client.WorkerClient(self.python)
        self._client.request(kind, **fields)
        done = None
        while self._client.busy:
            for answer in self._client.poll():
                done = self._take(answer) or done
            yield
        return done

    def _compare(self, scene, strip) -> Iterator[None]:
        """Render a strip in which Blender sees other pictures than the worker does.

        That is a movie whose rate varies, or what one of them turns or mirrors as its files ask:
        Blender turns some movies, and takes no notice of mirroring and of pictures' orientation.
        """
        strip_type, element = strip.type, strip.elements[0]
        size = [element.orig_width, element.orig_height]
        # Of the whole movie; with instances it would be guided, which takes long.
        fields = {"plate": self.source.plate, "out": self.fields["out"]}
        plan = yield from self._ask("plan", **fields)
        if plan is None:
            return
        as_stored = not plan["turned"] and not plan["mirrored"]
        if strip_type == "IMAGE":
            same = as_stored
        else:
            first, _, last = plan["plate_frames"].partition("-")
            same = int(last or first) - int(first) + 1 == self.source.total
            # Some Blenders turn a movie and some do not; upside down, the size does not tell which.
            same = same and size in ([0, 0], plan["size"])
            same = same and plan["turned"] != 180 and not plan["mirrored"]
        if same:
            return
        scene = self._scene()  # much may have happened since
        strip = None if scene is None else find(scene, self.tag)
        if strip is None:
            raise SourceError("The strip was deleted")
        self.through = True
        window = window_of(scene, strip, scene.vimatte.frames)
        self.source = read(scene, strip, window, through=True)
        self.fields = self._request(scene.vimatte, self._shot())

    def _take(self, answer: dict):
        kind = answer["type"]
        if kind == "progress":
            self.stage, self.progress = answer["stage"], (answer["done"], answer["total"])
        elif kind == "instances":
            shot = self._shot()
            if shot is not None:
                properties.take_instances(shot, answer["instances"])
        elif kind == "error":
            if self.cancelled or answer["code"] == "cancelled":
                raise SourceError(CANCELLED)
            parts = [answer["message"], answer.get("path"), answer.get("hint")]
            raise SourceError(": ".join(str(part) for part in parts if part))
        return answer if kind == "done" else None

    def _wire(self, done: dict) -> None:
        scene, shot = self._scene(), self._shot()
        strip = None if scene is None else find(scene, self.tag)
        if shot is not None:
            shot.published = portable(done["folder"], shot.folder)
            shot.qc = portable(done.get("qc") or "", shot.folder)
        if strip is None:
            raise SourceError(f"The strip was deleted; its mattes are in {done['folder']}")
        rows = {item.name: item.identity for item in shot.instances if item.enabled}
        for kind in ("strips", "cutouts"):
            done[kind] = {n: portable(path, shot.folder) for n, path in done[kind].items()}
        done["exr"] = portable(done["exr"], shot.folder)
        # The strip may have been moved in the meantime: look at it again.
        window = window_of(scene, strip, scene.vimatte.frames)
        source = read(scene, strip, window, through=self.through)
        if source.rendered and source.start != self.source.start:
            raise SourceError("The strip was moved while its frames were rendered: run again")
        wire.check(source, self.result)
        wire.wire(self.context, scene, strip, source, done, rows, self.result)

    def _scene(self):
        """Return the scene, whatever its name is now; None where it was deleted."""
        return next((s for s in bpy.data.scenes if self.tag in s.vimatte.shots), None)

    def _shot(self):
        scene = self._scene()
        return None if scene is None else scene.vimatte.shots.get(self.tag)

    def _end(self) -> None:
        RUNNING.pop(self.tag, None)
        if self._pull is not None:
            self._pull.stop()
        if self._client is not None:
            # Its answers are in and its files are whole; to ask it to end would take seconds.
            self._client.kill()
        shot = self._shot()
        if shot is not None:
            found = sum(item.enabled for item in shot.instances)
            shot.failed = bool(self.error) and not self.cancelled
            verb = "matted" if self.kind == "run" else "found"
            shot.message = self.error or f"{found} {verb}"


def _may_differ(strip, source) -> bool:
    """Whether Blender may show other pictures of the strip's files than the worker reads."""
    return strip.type == "MOVIE" or Path(source.plate).suffix.lower() in ORIENTED


@bpy.app.handlers.persistent
def stop_all(*_unused) -> None:
    """End every job: another file is opened, or the add-on is switched off."""
    for job in list(RUNNING.values()):
        job.kill()
