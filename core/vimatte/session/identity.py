"""What decides the pixels of a session's mattes, for the cache and for published versions."""

from __future__ import annotations

from collections.abc import Mapping

from vimatte.options import SETTINGS
from vimatte.session.session_file import SessionFile

# Raised when the same inputs and settings would give other pixels than before.
ALGORITHM = 7


def deciding_settings(
    file: SessionFile, weights: str, source: Mapping[str, object]
) -> dict[str, object]:
    """Return every setting that decides the mattes' pixels, for the cache's folder name.

    Parameters
    ----------
    file : SessionFile
    weights : str
        SHA-256 of the network's weights.
    source : mapping of str to object
        How the plate's colour is read; see `vimatte.frames.network_source.NetworkSource.settings`.
    """
    settings = file.settings
    return {
        "algorithm": ALGORITHM,
        "weights": weights,
        # The table says which decide. What a quality stands for is what counts, not its name.
        **{row.name: getattr(settings, row.name) for row in SETTINGS if row.decides},
        "quality": settings.max_pixels,
        "source": dict(source),
        "bounds": sorted(set(file.folders) & {"garbage", "core"}),
        "instances": sorted(row.id for row in file.instances if row.enabled),
    }
