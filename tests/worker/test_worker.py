"""The real worker as a process, on a tiny plate with mask files, through the hosts' client."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

import vimatte
from vimatte.output.exr_file import read_layers
from vimatte.worker import client as client_module
from vimatte.worker import protocol
from vimatte.worker.client import WorkerClient, WorkerFailed, find_python

CORE = str(Path(vimatte.__file__).parents[1])
ENV = {"PYTHONPATH": CORE}
WIDTH, HEIGHT, FRAMES = 96, 64, range(1, 5)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "plate").mkdir()
    for frame in FRAMES:
        pixels = rng.integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8)
        for index, name in enumerate(("anna", "bert")):
            (tmp_path / "masks" / name).mkdir(parents=True, exist_ok=True)
            mask = np.zeros((HEIGHT, WIDTH), np.uint8)
            cv2.circle(mask, (28 + 40 * index + frame, 32), 14, 255, -1)
            pixels[mask > 0] += 120
            cv2.imwrite(str(tmp_path / "masks" / name / f"m.{frame:04d}.png"), mask)
        cv2.imwrite(str(tmp_path / "plate" / f"sh.{frame:04d}.png"), pixels)
    return tmp_path


@pytest.fixture
def worker() -> Iterator[WorkerClient]:
    client = WorkerClient(Path(sys.executable), ENV)
    yield client
    client.close()


def fields(shot: Path, **more: object) -> dict[str, object]:
    return {
        "plate": str(shot / "plate" / "sh.####.png"),
        "out": str(shot / "out"),
        "guidance": "masks",
        "masks": str(shot / "masks"),
        "device": "cpu",
        **more,
    }


def finish(client: WorkerClient, seconds: float = 120) -> list[dict]:
    found, end = [], time.monotonic() + seconds
    for answer in client.answers():
        found.append(answer)
        assert time.monotonic() < end, found
    return found


def only(answers: list[dict], kind: str) -> dict:
    (found,) = [answer for answer in answers if answer["type"] == kind]
    return found


def test_guide_run_plan(shot: Path, worker: WorkerClient) -> None:
    worker.request("guide", **fields(shot))
    answers = finish(worker)
    assert only(answers, "hello")["protocol"] == protocol.PROTOCOL == client_module.PROTOCOL
    rows = only(answers, "instances")["instances"]
    assert [row["name"] for row in rows] == ["anna", "bert"]
    assert [(row["first"], row["last"], row["frames"]) for row in rows] == [(1, 4, 4)] * 2
    assert cv2.imread(rows[0]["thumbnail"]).shape == (128, 128, 3)

    rows[0]["name"], rows[1]["enabled"] = "ann", False
    worker.request("run", **fields(shot, instances=rows, vse=True))
    answers = finish(worker)
    assert [a["frame"] for a in answers if a["type"] == "frame"] == list(FRAMES)
    done = only(answers, "done")
    assert list(done["strips"]) == ["ann"]
    assert sorted(p.name for p in Path(done["strips"]["ann"]).iterdir()) == [
        f"{frame:04d}.exr" for frame in FRAMES
    ]
    channels, _, _ = read_layers(Path(done["folder"]) / done["first_file"])
    assert channels["ann.A"][32, 29] > 0.5
    assert "bert.A" not in channels
    assert Path(done["qc"]).exists()
    assert done["notes"] == []

    assert done["cutouts"] == {}
    worker.request("run", **fields(shot, instances=rows, cutout=True))
    other = only(finish(worker), "done")
    assert (other["strips"], list(other["cutouts"])) == ({}, ["ann"])
    assert len(list(Path(other["cutouts"]["ann"]).glob("*.exr"))) == len(FRAMES)

    worker.request("plan", **fields(shot, instances=rows))
    plan = only(finish(worker), "done")
    assert (plan["cached"], plan["missing"], plan["size"]) == ("1-4", "", [WIDTH, HEIGHT])
    assert (plan["turned"], plan["mirrored"]) == (0, False)

    worker.request("plan", out=str(shot / "out"))  # from session.json alone
    last = only(finish(worker), "done")
    assert last["cached"] == "1-4", last


def test_a_plan_names_the_sessions_own_version(shot: Path, worker: WorkerClient) -> None:
    worker.request("guide", **fields(shot))
    rows = only(finish(worker), "instances")["instances"]
    both = ({"instances": rows}, {"instances": rows, "quality": "draft"})
    folders = []
    for settings in both:
        worker.request("run", **fields(shot, **settings))
        folders.append(only(finish(worker), "done")["folder"])
    assert [Path(folder).name for folder in folders] == ["v001", "v002"]
    for settings, folder in zip(both, folders, strict=True):
        worker.request("plan", **fields(shot, **settings))
        assert only(finish(worker), "done")["folder"] == folder


def test_cancel_keeps_finished_frames(shot: Path, worker: WorkerClient) -> None:
    worker.request("run", **fields(shot))
    seen = []
    for answer in worker.answers():
        if answer["type"] == "frame":
            seen.append(answer["frame"])
            worker.cancel()
    assert answer["code"] == "cancelled"
    assert len(seen) < len(FRAMES)
    worker.request("run", **fields(shot))
    again = finish(worker)
    assert only(again, "done")["frames"] == "1-4"
    assert {a["frame"] for a in again if a["type"] == "frame" and a["cached"]} >= set(seen)


def test_a_request_after_a_cancel_is_not_cancelled(shot: Path, worker: WorkerClient) -> None:
    worker.request("run", **fields(shot))
    worker.cancel()
    worker.request("plan", **fields(shot))
    kinds = [(a["id"], a["type"]) for a in finish(worker) if a["type"] in ("done", "error")]
    assert kinds == [(1, "error"), (2, "done")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plate": "/nowhere/x.####.png"}, "frame-read"),
        ({"frames": "1-99"}, "frame-range"),
        ({"model": "nonsense"}, "unknown-model"),
        ({"masks": "/nowhere"}, "guidance"),
        ({"out": "relative"}, "worker"),
        ({"guidance": "people"}, "config"),
        ({"mask_offset": 1.5}, "worker"),
        ({"mask_offset": 10**12}, "worker"),
        ({"garbage_offset": 1}, "worker"),
        ({"mask_offset": 1000}, "guidance"),
        ({"frames": 7}, "worker"),
        ({"instances": [{"id": "x"}]}, "worker"),
        ({"instances": [{"id": 1, "name": "../x"}]}, "config"),
    ],
)
def test_bad_requests_are_one_error(
    shot: Path, worker: WorkerClient, change: dict[str, object], code: str
) -> None:
    worker.request("run", **fields(shot, **change))
    assert only(finish(worker), "error")["code"] == code
    worker.request("plan", **fields(shot))
    only(finish(worker), "done")


def test_a_killed_worker_is_an_error_and_its_work_is_kept(shot: Path) -> None:
    client = WorkerClient(Path(sys.executable), ENV)
    client.request("run", **fields(shot))
    for answer in client.answers():
        if answer["type"] == "frame":
            os.kill(client.pid, signal.SIGKILL)
    assert (answer["type"], answer["returncode"]) == ("exit", -signal.SIGKILL)
    assert not client.alive
    assert not client.busy
    with pytest.raises(WorkerFailed, match="died"):
        for _ in range(100):
            client.request("plan", **fields(shot))
    client.close()
    again = WorkerClient(Path(sys.executable), ENV)
    again.request("run", **fields(shot))
    assert only(finish(again), "done")["frames"] == "1-4"
    again.close()


def raw(data: bytes) -> list[dict]:
    """Give the worker bytes and then an end; return what it answers."""
    done = subprocess.run(
        [sys.executable, "-m", "vimatte.worker"],
        input=data,
        capture_output=True,
        env=client_module.clean_environment(ENV),
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_garbage_lines_are_refused_one_by_one() -> None:
    lines = [b"{", b"[1]", b"\xff\xfe", b'{"type": 3}', b"[" * 5000, b'{"type":"dance","id":7}']
    lines.append(b'{"type":"plan","x":"' + b"a" * (protocol.MAX_LINE + 10) + b'"}')
    answers = raw(b"\n".join(lines) + b"\n\n")
    assert answers[0]["type"] == "hello"
    errors = answers[1:]
    assert {answer["code"] for answer in errors} == {"worker"}
    # The unknown request may be told before it began, as the input ended right after it.
    assert len(errors) >= len(lines) - 1


def test_it_ends_with_its_input(shot: Path) -> None:
    client = WorkerClient(Path(sys.executable), ENV)
    client.request("run", **fields(shot))
    started = time.monotonic()
    assert client.close(grace=30) in (0, 1)
    assert time.monotonic() - started < 20


def test_it_ends_when_its_parent_is_killed(shot: Path) -> None:
    script = (
        "import sys, time, pathlib; sys.path.insert(0, sys.argv[1])\n"
        "from vimatte.worker.client import WorkerClient\n"
        "c = WorkerClient(pathlib.Path(sys.executable), {'PYTHONPATH': sys.argv[1]})\n"
        "print(c.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, CORE], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(300):
        if (
            not Path(f"/proc/{pid}/cmdline").exists()
            or not Path(f"/proc/{pid}/cmdline").read_bytes()
        ):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


def test_a_python_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIMATTE_PYTHON", raising=False)
    monkeypatch.setenv("VIMATTE_ENVIRONMENT", str(tmp_path / "environment.json"))
    with pytest.raises(WorkerFailed, match=r"install\.py"):
        find_python()
    (tmp_path / "environment.json").write_text(json.dumps({"python": str(tmp_path / "gone")}))
    with pytest.raises(WorkerFailed, match="gone"):
        find_python()
    (tmp_path / "environment.json").write_text(json.dumps({"python": sys.executable}))
    assert find_python() == Path(sys.executable)
    with pytest.raises(WorkerFailed, match="nowhere"):
        find_python("/nowhere")
    with pytest.raises(WorkerFailed, match="cannot start"):
        WorkerClient(tmp_path / "python")


def test_a_worker_without_vimatte_says_so(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    client = WorkerClient(find_python(str(tmp_path / "venv")))
    try:
        client.request("plan", out="/nowhere")
        message = only(finish(client), "error")["message"]
    except WorkerFailed as error:  # it may have ended before it was asked
        message = str(error)
    client.close()
    assert "vimatte" in message


def test_the_client_is_python_3_9_and_standard_library_only() -> None:
    source = Path(client_module.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 9))
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names
