"""Write the QC page, and say on the console what it notes."""

from __future__ import annotations

from pathlib import Path

from vimatte.cli.progress import Console
from vimatte.cli.session_options import Workplace
from vimatte.session.publishing import make_qc

# Frames worth a look that are named on the console; the page has more.
MOST_NOTES = 10


def write_page(place: Workplace, path: Path, ui: Console, *, grave: bool = False) -> None:
    """Write the QC page and say what it notes; of `grave`, only where mattes leave their masks."""
    frames = None if place.frames is None else place.session.frames.intersect(place.frames)
    page = make_qc(place.session, frames)
    page.write(path)
    notes = page.notes
    said = [note for note in notes if note.grave or not grave]
    for note in said[:MOST_NOTES]:
        ui.event("note", f"worth a look: {note}", **note.to_json())
    left = len(said) - MOST_NOTES
    more = f" ({left} more frames worth a look)" if left > 0 else ""
    rows = [note.to_json() for note in notes]
    ui.event("qc", f"QC page: {path}{more}", path=str(path), notes=rows)
