"""What the user should know of picture files before they trust mattes made from them."""

from __future__ import annotations

import shlex
from pathlib import Path

from vimatte.frames.image_file import ImageFile
from vimatte.notices import Notice


def picture_notices(first: ImageFile, path: Path, *, view: str | None = None) -> tuple[Notice, ...]:
    """Return what is worth saying of a plate by its first file.

    Parameters
    ----------
    first : ImageFile
    path : Path
        What was opened.
    view : str, optional
        The view that was asked for.
    """
    found = []
    if not first.orientation.as_stored:
        found.append(
            Notice(
                "oriented",
                f"the pictures are {first.orientation}, as their orientation tag asks, and so are "
                "the mattes",
                path=str(path),
                hint="Blender, for one, ignores the tag: mattes then lie otherwise than the plate. "
                "To be safe, turn the pictures themselves",
            )
        )
    if len(first.views) > 1 and view is None:
        found.append(
            Notice(
                "several-views",
                f"the files hold {len(first.views)} views ({', '.join(first.views)}); "
                f"{first.views[0]} is used",
                path=str(path),
                hint=f"for another: --view {shlex.quote(first.views[1])}",
            )
        )
    if first.pictures > 1:
        found.append(
            Notice(
                "several-pictures",
                f"each file holds {first.pictures} pictures, of which the first is used",
                path=str(path),
            )
        )
    return tuple(found)
