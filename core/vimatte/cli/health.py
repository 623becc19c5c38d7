"""What this machine has, what it lacks, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from vimatte._version import __version__
from vimatte.errors import VimatteError
from vimatte.models.assets import ASSETS
from vimatte.models.registry import MODELS, packaged_weights, weights_digest
from vimatte.models.store import WeightsStore

OK, ABSENT, WRONG = "ok", "absent", "wrong"
NEEDED = ("torch", "numpy", "OpenImageIO", "opencv-python-headless", "av", "safetensors")
OPTIONAL = (
    ("ai-edge-litert", "people", "finding people"),
    ("openjd-cli", "farm", "farm jobs"),
    ("PySide6", "ui", "windows of its own"),
)
# Less than this, and a shot of a few hundred frames at 2K may not fit.
LITTLE_SPACE = 5 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what, found : str
    state : str
        ``ok``; ``absent``: a part of vimatte does without; ``wrong``: mend it.
    mend : str
        How.
    """

    what: str
    found: str
    state: str = OK
    mend: str = ""


def examine(folder: Path) -> Iterator[Finding]:
    """Look at everything; a folder stands for the disk that results go to."""
    for check in (_program, _packages, _devices, _weights, _colour, _hosts, _farm):
        yield from _guarded(check)
    yield from _disk(folder)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that fails is a finding itself: the others are still wanted."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here is what is asked for
        name = check.__name__.strip("_")
        yield Finding(name, f"{type(error).__name__}: {error}", WRONG, "python3 install.py")


def _program() -> Iterator[Finding]:
    yield Finding("vimatte", f"{__version__} at {Path(__file__).parents[1]}")
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}")
    yield Finding("system", f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores")


def _packages() -> Iterator[Finding]:
    for name in NEEDED:
        version = _version(name)
        if version:
            yield Finding(name, version)
        else:
            yield Finding(name, "not installed", WRONG, "python3 install.py")
    for name, extra, purpose in OPTIONAL:
        version = _version(name)
        if version:
            yield Finding(name, version)
        else:
            mend = f"for {purpose}: pip install 'vimatte[{extra}]'"
            yield Finding(name, "not installed", ABSENT, mend)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _devices() -> Iterator[Finding]:
    # By name: the command line itself never imports torch.
    found: list[tuple[str, str]] = import_module("vimatte.models.devices").describe()
    for what, which in found:
        yield Finding(what, which)
    processor, digest = import_module("vimatte.models.self_check").bits()
    yield Finding("bits of mattes", f"{digest} by {processor}: nodes that print the same agree")
    if len(found) == 1:
        mend = "install with --torch cuda where there is an NVIDIA GPU"
        yield Finding("GPU", "none that torch can use", ABSENT, mend)


def _weights() -> Iterator[Finding]:
    for row in MODELS:
        if not row.weights:
            yield Finding(f"weights of {row.name}", "given by --weights", OK)
            continue
        digest = weights_digest(packaged_weights(row))
        right = digest == row.sha256
        yield Finding(
            f"weights of {row.name}",
            f"{digest[:12]}, {row.licence}",
            OK if right else WRONG,
            "" if right else "python3 install.py",
        )
    store = WeightsStore()
    for name in ASSETS:
        yield _asset(store, name)


def _asset(store: WeightsStore, name: str) -> Finding:
    try:
        store.verify(name)
    except VimatteError as error:
        return Finding(name, error.message, ABSENT, f"vimatte weights fetch {name}")
    return Finding(name, "fetched and right")


def _colour() -> Iterator[Finding]:
    from vimatte.frames.ocio_config import OcioConfig  # noqa: PLC0415

    given = os.environ.get("OCIO")
    try:
        config = OcioConfig(None)
        yield Finding("OCIO config", f"{given or 'built-in ACES'}, {config.digest()[:12]}")
    except VimatteError as error:
        yield Finding("OCIO config", error.message, WRONG, "set $OCIO to a config that exists")


def _hosts() -> Iterator[Finding]:
    names = {"Blender": ("blender",), "Nuke": ("Nuke", "nuke")}
    for host, commands in names.items():
        found = next((path for name in commands if (path := shutil.which(name))), None)
        mend = "" if found else f"only for the {host} adapter"
        yield Finding(host, found or "not on the path", OK if found else ABSENT, mend)


def _farm() -> Iterator[Finding]:
    found = shutil.which("sbatch")
    yield Finding("Slurm", found or "not on the path", OK if found else ABSENT)


def _disk(folder: Path) -> Iterator[Finding]:
    place = next(p for p in [folder.absolute(), *folder.absolute().parents] if p.exists())
    free = shutil.disk_usage(place).free
    little = free < LITTLE_SPACE
    yield Finding(
        f"disk of {place}",
        f"{free / (1 << 30):.1f} GiB free",
        WRONG if little else OK,
        "a shot at 2K takes about 2 GiB for 100 frames" if little else "",
    )
    if not os.access(place, os.W_OK):
        yield Finding(f"folder {place}", "cannot be written", WRONG, "choose another, or chmod")
