"""The frozen instance table: what guidance finds becomes rows that never change their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vimatte.errors import ConfigError, GuidanceError
from vimatte.guidance.types import InstanceInfo
from vimatte.notices import Notice
from vimatte.output.names import check_names, legal_names
from vimatte.session.session_file import Instance


def freeze(
    table: Sequence[Instance],
    found: Sequence[InstanceInfo],
    names: Sequence[str] = (),
    absent: Sequence[str] = (),
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
    absent : sequence of str
        Instances that have masks, but no pixel in the shot: they get no row, and no name.

    Raises
    ------
    ConfigError
        When there are more names than instances, or a name is not allowed.
    GuidanceError
        When guidance calls somebody by an id that was another's.
    """
    rows = {row.id: row for row in table}
    _refuse_moved(rows, found)
    new = [info for info in found if info.id not in rows]
    called = legal_names([info.name for info in new], [row.name for row in table])
    for info, name in zip(new, called, strict=True):
        rows[info.id] = Instance(info.id, name, info.colour, True, len(rows) + 1, info.name)
    ordered = sorted(rows.values(), key=lambda row: (row.order, row.id))
    if len(names) > len(ordered):
        given = f"{len(names)} name{'s' * (len(names) > 1)}"
        there = f"{len(ordered)} instance{'s' * (len(ordered) != 1)}"
        who = f" ({_listed([row.name for row in ordered])})" if ordered else ""
        hint = "vimatte guide lists the instances"
        if absent:
            hint = f"no name is needed for {_listed(absent)}: their masks are empty in the shot"
        raise ConfigError(f"{given} were given for {there}{who}", hint=hint)
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


def _refuse_moved(rows: Mapping[int, Instance], found: Sequence[InstanceInfo]) -> None:
    """Refuse masks that were added, removed or renamed so that ids are other people's now.

    An id is the place of a folder or layer among all. One that is called otherwise at its old place
    keeps its id; where somebody known has another's, their mattes would get the wrong names.
    """
    was = {row.called: row for row in rows.values() if row.called is not None}
    for info in found:
        row = was.get(info.name)
        if row is not None and row.id != info.id:
            now = next((each.name for each in found if each.id == row.id), "nobody")
            raise GuidanceError(
                f"the masks are not those of the session any more: its {row.name} was made from "
                f"{row.called!r}, where {now!r} is now",
                hint="masks that come in sort behind the others (z_carl), those that go leave an "
                "empty folder; or find the instances anew: vimatte guide PLATE -o OUT",
            )


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:12]) + (f" and {len(parts) - 12} more" if len(parts) > 12 else "")
