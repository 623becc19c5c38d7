"""A Slurm cluster of two virtual nodes on this machine, for the tests: as root, on loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "runuser")
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/sock
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MinJobAge=3600
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
KillWait=5
SlurmdTimeout=6
HealthCheckInterval=0
MailProg=/bin/true
NodeName=w[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{second}] CPUs=2 \
RealMemory=8000 State=UNKNOWN
PartitionName=farm Nodes=w[1-2] Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Return what a cluster needs and this machine lacks."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    return lacking + ([] if os.geteuid() == 0 else ["root"])


class Cluster:
    """Starts in `start`; `node_dies` kills a node's daemon and all that it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring everything up, and wait until both nodes are idle."""
        for name in ("state", "spool/w1", "spool/w2", "log", "munge"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        shutil.chown(self.folder / "munge", "munge", "munge")
        shutil.chown(key, "munge", "munge")
        for parent in [self.folder, *self.folder.parents]:
            if parent == Path("/tmp"):
                break
            parent.chmod(parent.stat().st_mode | 0o011)  # munge's user must pass
        ports = _free_ports(3)
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                host=socket.gethostname().split(".")[0], folder=self.folder,
                port=ports[0], first=ports[1], second=ports[1] + 1,
            )
        )  # fmt: skip
        munge = self.folder / "munge"
        self._child(
            "munged",
            ["runuser", "-u", "munge", "--", "munged", "-F", f"--key-file={key}",
             f"--socket={munge}/sock", f"--pid-file={munge}/pid", f"--log-file={munge}/log",
             f"--seed-file={munge}/seed"],
        )  # fmt: skip
        _wait_for((munge / "sock").exists, "munge's socket")
        self._child("slurmctld", ["slurmctld", "-D"])
        for node in ("w1", "w2"):
            self.node_starts(node)
        _wait_for(lambda: self.states() == ["idle"], f"idle nodes, {self.log()}")

    def node_starts(self, node: str) -> None:
        """Start a node's daemon."""
        self._child(node, ["slurmd", "-D", "-N", node])

    def node_dies(self, node: str) -> None:
        """Kill a node's daemon and everything that runs on the node."""
        self._children[node].kill()
        self._children[node].wait()
        for pid, arguments in _processes():
            if f"{self.folder}/spool/{node}/" in arguments or "slurmstepd" in arguments:
                _kill(pid)

    def states(self) -> list[str]:
        """Return the states nodes are in, as Slurm calls them."""
        done = subprocess.run(
            ["sinfo", "-h", "-o", "%T"],
            env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return sorted(done.stdout.split())

    def log(self) -> str:
        """Return the end of the controller's log."""
        path = self.folder / "log" / "slurmctld.log"
        return path.read_text()[-1500:] if path.exists() else "no log"

    def stop(self) -> None:
        """Take everything down."""
        subprocess.run(
            ["scancel", "--state=PENDING,RUNNING", "--user=root"],
            env=self.environment, capture_output=True, check=False,
        )  # fmt: skip
        for child in self._children.values():
            child.kill()
            child.wait()
        for pid, arguments in _processes():
            if f"{self.folder}/" in arguments:
                _kill(pid)

    def _child(self, name: str, arguments: list[str]) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as out:
            self._children[name] = subprocess.Popen(
                arguments, env=self.environment, stdout=out, stderr=out
            )


def _processes() -> list[tuple[int, str]]:
    """Return the number and the command line of every process but this one and its parents."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    parents = {int(row[0]): int(row[1]) for row in rows}
    ours, pid = set(), os.getpid()
    while pid:
        ours.add(pid)
        pid = parents.get(pid, 0)
    return [(int(row[0]), row[2]) for row in rows if len(row) == 3 and int(row[0]) not in ours]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _wait_for(true: object, what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            raise TimeoutError(f"waited for {what}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    """Return a port, and two that follow each other."""
    for start in range(16_817, 30_000, 11):
        sockets = []
        try:
            for port in range(start, start + count):
                one = socket.socket()
                sockets.append(one)
                one.bind(("127.0.0.1", port))
        except OSError:
            continue
        else:
            return list(range(start, start + count))
        finally:
            for one in sockets:
                one.close()
    raise OSError("no free ports")
