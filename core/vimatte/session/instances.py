"""The frozen instance table: what guidance finds becomes rows that never change their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vimatte.errors import ConfigError
from vimatte.guidance.types import InstanceInfo
from vimatte.notices import Notice
from vimatte.output.names import check_names, legal_names
from vimatte.session.session_file import Instance


def freeze(
    table: Sequence[Instance], found: Sequence[InstanceInfo], names: Sequence[str] = ()
) -> tuple[Instance, ...]:
    """Join what guidance found to the table.

    A known id keeps its row, whatever guidance calls it now; an id that guidance no longer finds
    stays, and its layers are empty; a new one is appended, under a legal name.

    Parameters
    ----------
    table : sequence of Instance
        The frozen rows; empty the first time.
    found : sequence of InstanceInfo
    names : sequence of str
        Names for the rows, in their order; the rest keep theirs.

    Raises
    ------
    ConfigError
        When there are more names than instances, or a name is not allowed.
    """
    rows = {row.id: row for row in table}
    new = [info for info in found if info.id not in rows]
    called = legal_names([info.name for info in new], [row.name for row in table])
    for info, name in zip(new, called, strict=True):
        rows[info.id] = Instance(info.id, name, info.colour, True, len(rows) + 1)
    ordered = sorted(rows.values(), key=lambda row: (row.order, row.id))
    if len(names) > len(ordered):
        raise ConfigError(
            f"{len(names)} names were given for {len(ordered)} instances",
            hint="vimatte guide lists the instances",
        )
    for index, name in enumerate(names):
        ordered[index] = replace(ordered[index], name=name)
    check_names([row.name for row in ordered])
    return tuple(ordered)


def naming_notices(
    before: Sequence[Instance],
    table: Sequence[Instance],
    found: Sequence[InstanceInfo],
    names: Sequence[str],
) -> tuple[Notice, ...]:
    """Say whose name was changed to a legal one, and who got none of the names that were given.

    Parameters
    ----------
    before, table : sequence of Instance
        The frozen rows before and after `freeze`.
    found : sequence of InstanceInfo
    names : sequence of str
        Names that the user gave.
    """
    rows = {row.id: row.name for row in table}
    given = {row.id for row in table[: len(names)]} | {row.id for row in before}
    changed = [
        f"{info.name!r} is called {rows[info.id]}"
        for info in found
        if info.id not in given and info.name != rows[info.id]
    ]
    notices = []
    if changed:
        text = "names that cannot be a layer's were changed: " + _listed(changed)
        notices.append(Notice("instance-renamed", text, hint="--names gives others"))
    if names and len(names) < len(table):
        left = _listed([row.name for row in table[len(names) :]])
        count = f"{len(names)} name{'s' * (len(names) > 1)}"
        text = f"{count} for {len(table)} instances: {left} kept theirs"
        notices.append(Notice("instance-names", text))
    return tuple(notices)


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:12]) + (f" and {len(parts) - 12} more" if len(parts) > 12 else "")
