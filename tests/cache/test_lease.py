"""Leases: one holder, soon free when it dies, and never in the way of whoever cannot see them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vimatte.cache import lease
from vimatte.cache.atomic import is_temporary
from vimatte.cache.lease import is_held, take

CORE = Path(__file__).parents[2] / "core"
HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from vimatte.cache.lease import is_held, take
held = take(Path(sys.argv[2]))
print("held" if held else "refused", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(CORE), str(tmp_path / "x.lease")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield child
        child.kill()


def test_one_process_holds_it(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    assert take(tmp_path / "x.lease") is None
    other = take(tmp_path / "y.lease")
    assert other is not None
    other.release()


def test_a_killed_holder_on_this_machine_is_seen_at_once(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with take(tmp_path / "x.lease") as held:  # type: ignore[union-attr]
        assert held
    assert not list(tmp_path.iterdir())


RACE = """
import random, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from vimatte.cache import lease
from vimatte.cache.lease import take
def slow(call):
    def slowed(*args, **options):
        time.sleep(random.expovariate(1000))
        done = call(*args, **options)
        time.sleep(random.expovariate(1000))
        return done
    return slowed
if sys.argv[2] == "slow":  # as a network's disk is
    lease._read = slow(lease._read)
    for name in ("replace", "touch", "unlink"):
        setattr(Path, name, slow(getattr(Path, name)))
print(flush=True)
for path in sys.stdin:
    end = time.monotonic_ns() // 20_000_000 * 20_000_000 + 40_000_000
    while time.monotonic_ns() < end:
        pass
    print("held" if take(Path(path.strip())) else "refused", flush=True)
"""


@pytest.mark.parametrize("disk", ["local", "slow"])
@pytest.mark.parametrize("before", ["nothing", "a dead holder"])
def test_of_several_at_once_one_gets_it(tmp_path: Path, before: str, disk: str) -> None:
    """They look at the same moment and see the same: nobody has it."""
    command = [sys.executable, "-c", RACE, str(CORE), disk]
    pipe = subprocess.PIPE
    racers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) for _ in range(4)
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            racer.stdout.readline()
        for number in range(40):
            path = tmp_path / f"{number}.lease"
            if before == "a dead holder":
                elsewhere(path)
                old = time.time() - lease.FORGOTTEN - 60
                os.utime(path, (old, old))
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write(f"{path}\n")
            said = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
            assert said.count("held") == 1, (number, said)
            assert path.exists()
        assert len(list(tmp_path.iterdir())) == 40
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def elsewhere(path: Path) -> None:
    path.write_text(json.dumps({"host": "another-node", "pid": 1, "token": "t"}))


def test_a_dead_node_is_told_by_its_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lease"
    elsewhere(path)
    assert take(path) is None
    monkeypatch.setattr(lease, "EXPIRES", 0.2)
    end = time.monotonic() + 0.2
    while (held := take(path)) is None:
        assert time.monotonic() < end + 5
        time.sleep(0.02)
    assert time.monotonic() >= end - 0.1
    held.release()
    assert not path.exists()


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_node_with_another_clock_is_as_alive_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float
) -> None:
    """Its beats carry its own time, as on a disk that lets nodes set it."""
    monkeypatch.setattr(lease, "EXPIRES", 0.4)
    path = tmp_path / "x.lease"
    elsewhere(path)

    def beat() -> None:
        at = time.time() + 3600 * hours
        os.utime(path, (at, at))

    beat()
    for _ in range(12):  # three times as long as a silent one is waited for
        assert take(path) is None
        assert is_held(path)
        time.sleep(0.1)
        beat()
    assert take(path) is None
    time.sleep(0.5)  # now it is silent, wherever its clock stands
    held = take(path)
    assert held is not None
    assert is_held(path)
    held.release()
    assert not is_held(path)


def test_a_node_that_watches_with_another_clock(tmp_path: Path) -> None:
    """Time as another process sees it: it must neither take a living lease nor keep a dead one."""
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed (apt-get install faketime)")
    watch = """
import select, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from vimatte.cache import lease
lease.EXPIRES = 0.6
path, seen = Path(sys.argv[2]), []
assert abs(time.time() - float(sys.argv[3])) > 3000, "no other clock"
start = time.monotonic()
while time.monotonic() - start < 1.8:
    held = lease.take(path)
    seen.append(held is not None)
    if held:
        break
    select.select([], [], [], 0.05)
print(len(seen), seen[-1], round(time.monotonic() - start, 1))
"""
    for offset in ("+1h", "-1h"):
        for beating in (True, False):
            path = tmp_path / "x.lease"
            elsewhere(path)
            command = [sys.executable, "-c", watch, str(CORE), str(path), str(time.time())]
            environment = {
                **os.environ, "LD_PRELOAD": str(library), "FAKETIME": offset,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }  # fmt: skip
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env=environment
            ) as child:
                while child.poll() is None:
                    if beating:
                        os.utime(path)
                    time.sleep(0.1)
                assert child.stdout is not None
                said = child.stdout.read().split()
            assert child.returncode == 0
            assert said[1] == str(not beating), (offset, beating, said)
            path.unlink(missing_ok=True)


def test_a_lease_of_yesterday_needs_no_watching(tmp_path: Path) -> None:
    path = tmp_path / "x.lease"
    elsewhere(path)
    old = time.time() - lease.FORGOTTEN - 60
    os.utime(path, (old, old))
    held = take(path)
    assert held is not None
    held.release()


def test_a_holder_keeps_it_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.05)
    path = tmp_path / "x.lease"
    with take(path) as held:  # type: ignore[union-attr]
        assert held
        old = time.time() - 1000
        os.utime(path, (old, old))
        end = time.monotonic() + 5
        while path.stat().st_mtime < old + 500:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_two_runs_in_one_process_do_not_wait(tmp_path: Path) -> None:
    first, second = take(tmp_path / "x.lease"), take(tmp_path / "x.lease")
    assert first is not None
    assert second is not None
    first.release()
    assert (tmp_path / "x.lease").exists()  # the second's
    second.release()
    assert not list(tmp_path.iterdir())
    assert not [t for t in threading.enumerate() if t.name == "lease"]


@pytest.mark.parametrize("content", ["", "[]", "{", "null", '{"host": 3, "pid": "x"}', "\x00\xff"])
def test_what_is_no_lease_never_blocks_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setattr(lease, "EXPIRES", 0.1)
    path = tmp_path / "x.lease"
    path.write_text(content)
    held = take(path)
    if held is None:
        time.sleep(0.2)
        held = take(path)
    assert held is not None
    held.release()


def test_a_folder_that_is_not_there_gives_one(tmp_path: Path) -> None:
    held = take(tmp_path / "none" / "x.lease")
    assert held is not None
    held.release()


def test_a_disk_without_hard_links(
    holder: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: Path, target: Path) -> None:
        raise FileExistsError if target.exists() else PermissionError  # as Linux does on FAT

    monkeypatch.setattr(lease.os, "link", link)
    before = (tmp_path / "x.lease").read_bytes()
    assert take(tmp_path / "x.lease") is None
    with monkeypatch.context() as patch:  # it looked before the other took it
        looks: list[dict[str, object]] = [{}]
        plain = lease._read
        patch.setattr(lease, "_read", lambda path: looks.pop() if looks else plain(path))
        assert take(tmp_path / "x.lease") is None
    assert (tmp_path / "x.lease").read_bytes() == before
    free = take(tmp_path / "y.lease")
    assert free is not None
    assert (tmp_path / "y.lease").exists()
    free.release()


def test_a_disk_that_answers_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answer is lost, and the second try finds what the first one made."""
    plain = os.link

    def link(source: Path, target: Path) -> None:
        plain(source, target)
        raise FileExistsError

    monkeypatch.setattr(lease.os, "link", link)
    held = take(tmp_path / "x.lease")
    assert held is not None
    held.release()
    assert not list(tmp_path.iterdir())


def test_a_claim_of_who_was_killed_does_not_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lease"
    path.write_text("no lease")

    def killed(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lease, "replace_file", killed)
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            take(path)
    (claim,) = (p for p in tmp_path.iterdir() if ".0-" in p.name)
    assert is_temporary(claim.name)  # a cache's cleaning takes it away, too
    assert take(path) is None
    old = time.time() - lease.EXPIRES - 60
    os.utime(claim, (old, old))
    assert take(path) is None  # that one cleared it away
    held = take(path)
    assert held is not None
    held.release()


def test_a_lease_that_was_lost_beats_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "HEARTBEAT", 0.02)
    path = tmp_path / "x.lease"
    held = take(path)
    assert held is not None
    elsewhere(path)
    old = time.time() - 1000
    os.utime(path, (old, old))
    time.sleep(0.3)
    assert path.stat().st_mtime == pytest.approx(old, abs=1)
    held.release()
    assert path.exists()
