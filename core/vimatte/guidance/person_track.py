"""One person followed through a scene: what is remembered from frame to frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vimatte.guidance.picture import Geometry
from vimatte.guidance.pose_nets import Region

_BINS = 12
_GAP_LEFT, _GAP_HIDDEN = 30, 100
LOOK_SIZE = 2 * _BINS**3
"""How many numbers describe an appearance: a colour histogram of each half of the body."""


@dataclass(frozen=True, slots=True)
class Track:
    """A person as they were when last seen.

    Attributes
    ----------
    id : int
        From 1, in order of appearance over the whole shot; ids of short ghosts are gaps.
    region : Region
        Where to look for them next.
    mask : ndarray of bool, shape of the grid
        Where they were when last seen.
    look : ndarray of float32, shape (LOOK_SIZE,)
        Their appearance, averaged over time; sums to 1.
    missed : int
        For how many frames they have not been seen; 0 when seen in this frame.
    velocity : tuple of float
        Across and down, picture pixels a frame, smoothed.
    age : int
        In how many frames they were seen.
    usual : float
        The mask's area in cells, as the scan has seen it, averaged; it grows faster than it
        shrinks, because people are hidden in part more often than they are too large.
    """

    id: int
    region: Region
    mask: NDArray[np.bool_]
    look: NDArray[np.float32]
    missed: int = 0
    velocity: tuple[float, float] = (0.0, 0.0)
    age: int = 1
    usual: float = 0.0


def appearance(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the colours inside a mask as two joint histograms, one of each half of its rows.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (rows, columns, 3)
        sRGB.
    mask : ndarray of bool, shape (rows, columns)

    Returns
    -------
    ndarray of float32, shape (LOOK_SIZE,)
        Sums to 1; all equal when the mask is empty.
    """
    out = np.zeros((2, _BINS, _BINS, _BINS), np.float32)
    rows, columns = np.nonzero(mask)
    if rows.size:
        colours = cv2.cvtColor(pixels[rows, columns][None], cv2.COLOR_RGB2LAB)[0]
        half = (rows > np.median(rows)).astype(np.intp)
        # Lightness has coarse steps, because people walk through light and shade; of the two
        # colour axes only the middle, where real colours lie, is told apart, and finely.
        bins = colours.astype(np.intp)
        bins[:, 0] = bins[:, 0] * _BINS // 256
        bins[:, 1:] = np.clip((bins[:, 1:] - (128 - 3 * _BINS)) // 6, 0, _BINS - 1)
        np.add.at(out, (half, bins[:, 0], bins[:, 1], bins[:, 2]), 1.0)
        out = _softened(out)
    total = float(out.sum())
    flat = out.reshape(-1) / np.float32(total) if total else np.full(LOOK_SIZE, 1 / LOOK_SIZE)
    return flat.astype(np.float32)


def _softened(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let each bin leak into its neighbours: a small shift of a colour is a small change."""
    out = counts
    for axis in (1, 2, 3):
        ahead, behind = np.zeros_like(out), np.zeros_like(out)
        front = [slice(None)] * 4
        back = [slice(None)] * 4
        front[axis], back[axis] = slice(1, None), slice(None, -1)
        ahead[tuple(front)] = out[tuple(back)]
        behind[tuple(back)] = out[tuple(front)]
        out = np.float32(0.6) * out + np.float32(0.2) * (ahead + behind)
    return out


def alike(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return how alike two appearances are, in [0, 1] (Bhattacharyya coefficient)."""
    return float(np.sqrt(a.astype(np.float64) * b).sum())


def overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the intersection of two masks over their union."""
    union = int(np.count_nonzero(a | b))
    return float(np.count_nonzero(a & b)) / union if union else 0.0


def at_border(mask: NDArray[np.bool_]) -> bool:
    """Whether a mask touches the left or the right border: people leave there."""
    return bool(mask[:, 0].any() or mask[:, -1].any())


def longest_gap(track: Track) -> int:
    """Return for how many frames somebody out of sight is remembered."""
    return _GAP_LEFT if at_border(track.mask) else _GAP_HIDDEN


def may_have_gone(frames: int) -> float:
    """Return how far somebody may have gone in so many frames, in sides of their region."""
    return min(1.2, 0.25 + 0.03 * frames)


def moved_to(track: Track, old: Geometry, new: Geometry) -> Track:
    """Return a track in the coordinates of a frame with another window."""
    if old == new:
        return track
    matrix, region = old.into(new), track.region
    x, y = matrix[:, :2] @ (region.x, region.y) + matrix[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    cells = float(abs(np.linalg.det(old.grid_into(new)[:, :2])))
    mask = cv2.warpAffine(track.mask.astype(np.float32), old.grid_into(new), new.grid_size)
    return replace(
        track,
        region=Region(float(x), float(y), region.side * scale, region.angle),
        mask=mask > 0.5,
        velocity=(track.velocity[0] * scale, track.velocity[1] * scale),
        usual=track.usual * cells,
    )


def tracks_to_arrays(tracks: Sequence[Track]) -> dict[str, NDArray[np.generic]]:
    """Return tracks as arrays, exactly: what `tracks_from_arrays` gives back is equal."""
    table = [[t.id, t.missed, t.age, *t.region.row(), *t.velocity, t.usual] for t in tracks]
    shape = tracks[0].mask.shape if tracks else (0, 0)
    masks = [np.packbits(t.mask.reshape(-1)) for t in tracks]
    return {
        "tracks": np.asarray(table, np.float64).reshape(-1, 10),
        "looks": np.asarray([t.look for t in tracks], np.float32).reshape(-1, LOOK_SIZE),
        "grid": np.asarray(shape, np.int32),
        "track_masks": np.stack(masks) if masks else np.zeros((0, 0), np.uint8),
    }


def tracks_from_arrays(arrays: Mapping[str, NDArray[np.generic]]) -> list[Track]:
    """Return the tracks that `tracks_to_arrays` wrote."""
    rows, columns = (int(n) for n in arrays["grid"])
    out = []
    for index, row in enumerate(arrays["tracks"].tolist()):
        bits = np.unpackbits(arrays["track_masks"][index], count=rows * columns)
        out.append(
            Track(
                id=int(row[0]),
                region=Region(*row[3:7]),
                mask=bits.astype(np.bool_).reshape(rows, columns),
                look=arrays["looks"][index].astype(np.float32),
                missed=int(row[1]),
                velocity=(row[7], row[8]),
                age=int(row[2]),
                usual=row[9],
            )
        )
    return out
