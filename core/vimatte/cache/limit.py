"""Keep a cache within a limit while a run is filling it.

Unlike `vimatte.cache.manage.prune`, which is asked for by a person, this one takes nothing that the
run still reads, and nothing of a shot that somebody is working on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from vimatte.cache import folders, manage
from vimatte.cache.atomic import hint_for
from vimatte.cache.lease import is_held
from vimatte.errors import CacheError

# The kinds that segments are computed into.
MADE = ("mattes", "states")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one look at a cache found and did.

    Attributes
    ----------
    bytes : int
        What the cache takes now.
    others, spared : int
        Bytes that were freed: of other shots and settings, and of what the run can spare.
    """

    bytes: int
    others: int
    spared: int


def keep_within(
    root: Path,
    limit_bytes: int,
    *,
    keep: Collection[Path],
    spare: Callable[[], Iterable[Path]],
) -> Kept:
    """Free space until the cache takes at most `limit_bytes`, as far as it may.

    First go stores that are not in `keep`, the one that was not used for longest before the
    others, whole. Of the shots of `keep` that is mattes and states of other settings: what
    guidance has found stays. A shot in which somebody alive holds a lease stays as it is. Then go
    the files of `spare`, in its order.

    Parameters
    ----------
    root : Path
        The cache folder.
    limit_bytes : int
    keep : collection of Path
        Folders of the stores that the run uses.
    spare : callable
        Gives files in `keep` that the run reads no more; asked only when they must go.

    Raises
    ------
    CacheError
        When the folder is not there, or a file cannot be removed.
    """
    entries = manage.ls(root)
    left = sum(entry.bytes for entry in entries)
    used = {folder.absolute() for folder in keep}
    shots = {folder.parent for folder in used}
    others = spared = 0
    try:
        for entry in reversed(entries):
            if left <= limit_bytes:
                break
            folder = entry.folder.absolute()
            if folder in used or (folder.parent in shots and entry.kind not in MADE):
                continue
            if folder.parent not in shots and _in_work(folder.parent):
                continue
            others += folders.delete_folder(entry.folder)
            left -= entry.bytes
            folders.remove_empty(entry.folder.parent)
        if left > limit_bytes:
            for path in spare():
                if left <= limit_bytes:
                    break
                size = path.stat().st_size if path.exists() else 0
                path.unlink(missing_ok=True)
                spared += size
                left -= size
    except OSError as error:
        raise CacheError(
            f"a file of the cache cannot be removed: {error.strerror or error}",
            path=error.filename or root,
            hint=hint_for(error),
        ) from error
    return Kept(left, others, spared)


def _in_work(shot: Path) -> bool:
    """Whether somebody alive, be it this process, computes mattes in a shot's folder."""
    return any(is_held(path) for path in shot.glob(f"*/*{folders.LEASE}"))
