"""The frozen instance table: what guidance finds becomes rows that never change their ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vimatte.errors import ConfigError
from vimatte.guidance.types import InstanceInfo
from vimatte.output.names import check_names
from vimatte.session.session_file import Instance


def freeze(
    table: Sequence[Instance], found: Sequence[InstanceInfo], names: Sequence[str] = ()
) -> tuple[Instance, ...]:
    """Join what guidance found to the table.

    A known id keeps its row, whatever guidance calls it now; an id that guidance no longer finds
    stays, and its layers are empty; a new one is appended.

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
        When there are more names than instances.
    OutputError
        When a name is not allowed.
    """
    rows = {row.id: row for row in table}
    for info in found:
        if info.id not in rows:
            rows[info.id] = Instance(info.id, info.name, info.colour, True, len(rows) + 1)
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
