"""What decides the pixels of a session's mattes, for the cache and for published versions."""

from __future__ import annotations

from collections.abc import Mapping

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
        "model": settings.model,
        "weights": weights,
        "max_pixels": settings.max_pixels,
        "segment": settings.segment,
        "preroll": settings.preroll,
        "coupling": settings.coupling,
        "steadiness": settings.steadiness,
        "order": list(settings.order),
        "source": dict(source),
        "bounds": sorted(set(file.folders) & {"garbage", "core"}),
        "instances": sorted(row.id for row in file.instances if row.enabled),
    }
