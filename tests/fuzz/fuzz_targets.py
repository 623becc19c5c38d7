"""What is fuzzed: each target takes bytes that nobody has checked.

It returns, or raises an error of vimatte's own with one line of text; anything else is a fault. The
tests here feed them with Hypothesis, `scripts/fuzz` with atheris, which follows the coverage.
"""

from __future__ import annotations

import functools
import io
import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import seed_files
import torch

from vimatte.cache import frame_file, lease
from vimatte.cache.frame_file import CorruptFrameError
from vimatte.errors import VimatteError, WorkerError
from vimatte.farm import bundle, spool
from vimatte.frames.digest_cache import DigestCache
from vimatte.frames.frame_range import FrameRange
from vimatte.frames.open_plate import open_plate
from vimatte.guidance import mask_channels, mask_indices, mask_picture
from vimatte.models.checkpoint import load_weights
from vimatte.models.registry import DEFAULT_MODEL, spec
from vimatte.options import TABLES
from vimatte.output.exr_file import read_layers
from vimatte.output.names import check_names
from vimatte.output.records import problems
from vimatte.output.version import MANIFEST, Manifest
from vimatte.session.roots import read_path_map
from vimatte.session.session_file import SessionFile
from vimatte.worker.protocol import MAX_LINE, messages
from vimatte.worker.request import read_request

Target = Callable[[Path, bytes], None]
# Pixels that a file of a few hundred bytes may make us allocate.
MOST_PIXELS = 1 << 28


def frame_range(folder: Path, data: bytes) -> None:
    """A frame range of the command line, a session or a request."""
    found = FrameRange.parse(data.decode("utf-8", "replace"))
    some = list(itertools.islice(found, 2000))
    assert some == sorted(set(some))
    assert FrameRange.parse(str(found)) == found
    if some:
        assert some[0] == found.first <= found.last
        assert all(frame in found for frame in some[:50])


def session(folder: Path, data: bytes) -> None:
    """A session file."""
    path = folder / "session.json"
    path.write_bytes(data)
    found = SessionFile.read(path)
    for place in (found.shot.path, *found.folders.values()):
        assert Path(place).is_absolute()
        assert ".." not in Path(place).parts
    check_names([row.name for row in found.instances])
    # What was read can be written, and says the same.
    found.write(path)
    again = SessionFile.read(path)
    assert again.instances == found.instances
    assert again.settings == found.settings


def path_map(folder: Path, data: bytes) -> None:
    """Open Job Description's path mapping rules."""
    path = folder / "rules.json"
    path.write_bytes(data)
    read_path_map(path)


def protocol(folder: Path, data: bytes) -> None:
    """The worker's standard input, and every request in it."""
    found = list(messages(io.BytesIO(data)))
    assert len(found) <= data.count(b"\n") + 1 + len(data) // MAX_LINE
    for message in found:
        if isinstance(message, WorkerError):
            one_line(message)
        else:
            request(folder, message)


def request(folder: Path, message: dict[str, Any]) -> None:
    """One request of a host, as it is read: nothing is opened."""
    try:
        found = read_request(message)
    except VimatteError as error:
        one_line(error)
        return
    assert found.out.is_absolute()
    paths = [value for value in found.values.values() if isinstance(value, Path)]
    assert all(path.is_absolute() for path in paths)
    assert all(isinstance(row.id, int) and isinstance(row.name, str) for row in found.instances)
    json.dumps([found.values["exposure"], found.values["start_frame"]], allow_nan=False)
    for row in (row for table in TABLES.values() for row in table):
        assert row.kind == "text" or row.wrong(found.values[row.name]) is None


def handed_over(folder: Path, data: bytes) -> None:
    """The ledger of a job that was handed to Slurm, and what its tasks said."""
    place = folder / "spool"
    place.mkdir(exist_ok=True)
    (place / spool.LEDGER).write_bytes(data)
    ledger = spool.read_ledger(place)
    for row in itertools.islice(ledger["steps"], 20):
        # Nothing that a ledger names lies outside of the spool.
        path = spool.state_file(place, row["name"], 0)
        assert path.parent == place
        assert Path(os.path.normpath(path)) == path
    spool.states_of(place, ledger, {})


def task_state(folder: Path, data: bytes) -> None:
    """What a task of a Slurm job wrote about itself."""
    place = folder / "state"
    place.mkdir(exist_ok=True)
    row = {"name": "Matte", "tasks": [{"Segments": "1"}], "needs": [], "jobs": ["7"]}
    spool.state_file(place, "Matte", 0).write_bytes(data)
    for live in ({}, {"7_0": spool.RUNNING}, {"7_0": spool.PENDING}):
        (found,) = spool.states_of(place, {"steps": [row]}, live)
        assert found.state in (
            spool.DONE, spool.FAILED, spool.RUNNING, spool.PENDING, spool.LOST
        )  # fmt: skip
        assert "\n" not in found.node + found.reason


def bundle_values(folder: Path, data: bytes) -> None:
    """The parameter values of a job bundle."""
    (folder / bundle.VALUES).write_bytes(data)
    bundle.read_values(folder)


def version(folder: Path, data: bytes) -> None:
    """A published version's manifest."""
    (folder / MANIFEST).write_bytes(data)
    found = Manifest.read(folder)
    check_names(found.names)
    assert "/" not in found.plate
    assert "\\" not in found.plate


def record(folder: Path, data: bytes) -> None:
    """A published frame's record."""
    manifest = Manifest("plate", FrameRange.of([1]), (), "f")
    path = folder / "records" / "0001.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    assert list(problems(folder, manifest, 1))  # there are no files: it can never be whole


def cached_frame(folder: Path, data: bytes) -> None:
    """A file of the cache."""
    path = folder / "00000001.safetensors"
    path.write_bytes(data)
    try:
        arrays = frame_file.read(path, 1) or {}
    except CorruptFrameError as error:
        assert "\n" not in str(error)
        return
    assert sum(array.nbytes for array in arrays.values()) < MOST_PIXELS


def lease_file(folder: Path, data: bytes) -> None:
    """A lease that anybody may have written."""
    path = folder / "x.lease"
    path.write_bytes(data)
    held = lease.take(path)
    if held is not None:
        held.release()


def digests(folder: Path, data: bytes) -> None:
    """The kept digests of plate files."""
    path = folder / "digests.json"
    path.write_bytes(data)
    known = DigestCache(path)
    assert len(known.digest(path)) == 32
    known.save()


def exr(folder: Path, data: bytes) -> None:
    """An EXR frame of a plate."""
    path = folder / "plate.1.exr"
    path.write_bytes(data)
    plate = open_plate(folder / "plate.#.exr")
    try:
        frame = plate.read(1)
    finally:
        plate.close()
    assert frame.pixels.shape[:2] == frame.header.data_window.shape
    assert frame.pixels.size < MOST_PIXELS


def movie(folder: Path, data: bytes) -> None:
    """A movie, in every container that is read: what it is is told by its content."""
    path = folder / "movie.mp4"
    path.write_bytes(data)
    plate = open_plate(path)
    try:
        for frame in itertools.islice(plate.frames, 3):
            try:
                read = plate.read(frame)
            except VimatteError as error:
                one_line(error)
                continue
            assert read.pixels.shape[:2] == read.header.data_window.shape
            assert read.pixels.size < MOST_PIXELS
        for notice in plate.notices:
            assert "\n" not in str(notice)
    finally:
        plate.close()


def picture(folder: Path, data: bytes) -> None:
    """A frame of a plate that may be turned, be an animation, or have pages."""
    for suffix in (".tif", ".jpg", ".png", ".dpx", ".gif", ".webp"):
        path = folder / f"plate.1{suffix}"
        path.write_bytes(data)
        try:
            plate = open_plate(folder / f"plate.#{suffix}")
            frame = plate.read(1)
        except VimatteError as error:
            one_line(error)
            continue
        assert frame.pixels.shape[:2] == frame.header.data_window.shape
        assert frame.pixels.size < MOST_PIXELS


def published(folder: Path, data: bytes) -> None:
    """A published EXR, as it is verified."""
    path = folder / "published.exr"
    path.write_bytes(data)
    layers, _, _ = read_layers(path)
    assert sum(layer.size for layer in layers.values()) < MOST_PIXELS


def mask(folder: Path, data: bytes) -> None:
    """A mask file: a PNG or an EXR, of layers, of indices, or one mask."""
    for suffix in (".png", ".exr"):
        path = folder / f"mask.1{suffix}"
        path.write_bytes(data)
        try:
            layout = mask_picture.read_layout(path, 1)
            layers = mask_channels.mask_layers(layout)
            mask_channels.unused_layers(layout)
            if layout.window.width * layout.window.height < 1 << 20:
                mask_picture.read_planes(path, 1, list(layers.values())[:2])
                mask_picture.single_mask(path, 1, layout)
                picture = mask_indices.read_index_picture(path, 1)
                mask_indices.decide(mask_indices.statistics([picture]))
        except VimatteError as error:
            one_line(error)


def weights(folder: Path, data: bytes) -> None:
    """A file of weights: safetensors, or a checkpoint of torch."""
    for name in ("w.safetensors", "w.pth"):
        (folder / name).write_bytes(data)
        try:
            load_weights(_small_network(), spec(DEFAULT_MODEL), folder / name)
        except VimatteError as error:
            one_line(error)


@functools.cache
def _small_network() -> torch.nn.Module:
    return torch.nn.Linear(3, 2)


TARGETS: dict[str, Target] = {
    "frame-range": frame_range,
    "session": session,
    "path-map": path_map,
    "protocol": protocol,
    "spool": handed_over,
    "task-state": task_state,
    "bundle-values": bundle_values,
    "version": version,
    "record": record,
    "cached-frame": cached_frame,
    "lease": lease_file,
    "digests": digests,
    "exr": exr,
    "movie": movie,
    "picture": picture,
    "mask": mask,
    "published": published,
    "weights": weights,
}


def check(name: str, folder: Path, data: bytes) -> None:
    """Run a target; what is refused must be refused in one line."""
    try:
        TARGETS[name](folder, data)
    except VimatteError as error:
        one_line(error)


def one_line(error: VimatteError) -> None:
    """Hold that an error is one clear line, of a length that fits a log."""
    text = str(error)
    assert "\n" not in text, text
    assert len(text) < 9000, len(text)


def seeds(names: Sequence[str] = tuple(TARGETS)) -> dict[str, list[bytes]]:
    """Return whole inputs to start from, of each target."""
    checkpoint = io.BytesIO()
    torch.save(_small_network().state_dict(), checkpoint)  # noqa: TID251 - what others publish
    found: dict[str, list[bytes]] = {
        "weights": [
            checkpoint.getvalue(),
            safetensors.torch.save(
                {k: v.clone() for k, v in _small_network().state_dict().items()}
            ),
        ],
        "mask": [seed_files.palette(), seed_files.layered()],
        "exr": [seed_files.layered()],
        "published": [seed_files.layered()],
        "movie": seed_files.movies(),
        "picture": seed_files.pictures(),
        "frame-range": [b"1001-1100", b"1-100x2,7,9,20-30", b"-5--1x3"],
        "session": [json.dumps(SESSION).encode()],
        "path-map": [
            b'{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format": '
            b'"WINDOWS", "source_path": "S:\\\\shots", "destination_path": "/mnt/s"}]}'
        ],
        "protocol": [json.dumps(REQUEST).encode() + b"\n" + b'{"type": "cancel"}\n'],
        "spool": [json.dumps(SPOOL).encode()],
        "task-state": [b'{"node": "n1", "state": "failed", "code": 3, "reason": "no disk"}'],
        "bundle-values": [b'{"parameterValues": [{"name": "Out", "value": "/mnt/out"}]}'],
        "version": [json.dumps(VERSION).encode()],
        "record": [b'{"exr/plate.0001.exr": "0000"}'],
        "cached-frame": [
            frame_file.encode(1, {"x": np.arange(300, dtype=np.int32).reshape(20, 15)}, {"k": "v"}),
            frame_file.encode(1, {"a": np.zeros((64, 64), np.float16)}, {}),
        ],
        "lease": [b'{"host": "node", "pid": 7, "token": "abc"}'],
        "digests": [b'{"schema": 1, "files": {"/a/b.exr": [10, 20, 30, "' + b"0" * 32 + b'"]}}'],
    }
    return {name: found.get(name, []) for name in names}


SESSION: dict[str, Any] = {
    "schema": 1, "vimatte": "0.1", "plate": {"root": "plate", "path": "plate.####.exr"},
    "view": None, "layer": None, "frames": "1001-1010", "start_frame": 1, "colorspace": "ACEScg",
    "ocio": None, "exposure": 0.5, "roi": [1, 2, 30, 40], "guidance": "masks",
    "folders": {"masks": {"root": "masks", "path": "masks"}},
    "settings": {"model": "msgvim-lite", "quality": "final", "segment": 96, "preroll": 8,
                 "keep_state": 12, "coupling": 0.5, "steadiness": 0.6, "order": ["a"]},
    "instances": [{"id": 1, "name": "a", "colour": [1, 0.5, 0], "enabled": True, "order": 1}],
    "cuts": [1005], "roots": {"plate": "/shots", "masks": "/shots"},
}  # fmt: skip
REQUEST: dict[str, Any] = {
    "type": "run", "id": 1, "plate": "/shots/plate.####.exr", "out": "/out", "cache": "/cache",
    "frames": "1-10", "part": "2-3", "guidance": "masks", "masks": "/masks", "model": "msgvim-lite",
    "quality": "draft", "segment": 24, "preroll": 2, "steadiness": 0.5,
    "order": ["a"], "device": "cpu",
    "exposure": 1.5, "start_frame": 1, "instances": [{"id": 1, "name": "a", "enabled": True}],
    "vse": True, "preview": False, "compression": "zip", "thumbnails": True, "qc": False,
}  # fmt: skip
SPOOL: dict[str, Any] = {
    "bundle": "/jobs/b", "options": ["--qos=low"], "throttle": 2,
    "steps": [
        {"name": "Guidance", "tasks": [{}], "needs": [], "resources": ["--mem=100"], "jobs": ["3"]},
        {"name": "Matte", "tasks": [{"Segments": "1-2"}, {"Segments": "3"}], "needs": ["Guidance"],
         "resources": [], "jobs": ["4", "5"]},
    ],
}  # fmt: skip
VERSION: dict[str, Any] = {
    "schema": 1, "plate": "plate", "frames": "1-10",
    "instances": [{"id": 1, "name": "a", "colour": [1.0, 0.5, 0.0]}],
    "fingerprint": "0" * 16, "compression": "zip", "vse": False, "preview": True,
    "foreground": False,
}  # fmt: skip
