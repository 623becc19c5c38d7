"""Cryptomatte from mattes: any Cryptomatte picker selects an instance by a click.

After Friedman and Jones, "Fully automatic ID mattes with support for motion blur and transparency",
SIGGRAPH 2015, and the Cryptomatte specification 1.2.0: layers ``NAME00``, ``NAME01``, ... hold
pairs of a name's hash and its coverage, largest coverage first; the header holds the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

NAME = "VideoInstanceMatte"
#: Names and coverages of a pixel at most; what lies below the sixth is not seen.
MOST_RANKS = 6
_MASK = 0xFFFFFFFF

Half = NDArray[np.float16]
Plane = NDArray[np.float32]


def murmur3(text: str) -> int:
    """Return MurmurHash3_x86_32 of a text's UTF-8 bytes with seed 0 (Appleby, public domain)."""
    data = text.encode()
    state = 0
    for at in range(0, len(data), 4):
        block = int.from_bytes(data[at : at + 4], "little")
        mixed = _rotated(block * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK
        state ^= mixed
        if len(data) - at >= 4:
            state = (_rotated(state, 13) * 5 + 0xE6546B64) & _MASK
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def name_id(name: str) -> int:
    """Return the 32 bits that stand for a name; as a float they are a finite, normal number.

    The specification's ``uint32_to_float32``: exponents of all zeros and all ones get their lowest
    bit flipped.
    """
    bits = murmur3(name)
    if bits >> 23 & 0xFF in (0, 0xFF):
        bits ^= 1 << 23
    return bits


def layer_channels(instances: int) -> list[str]:
    """Return the channels of every file of a shot with so many instances."""
    layers = (min(max(instances, 1), MOST_RANKS) + 1) // 2
    return [f"{NAME}{layer:02d}.{channel}" for layer in range(layers) for channel in "RGBA"]


def header_attributes(instances: Sequence[str]) -> dict[str, str]:
    """Return the attributes that pickers look for."""
    # Pickers match files by this key: the first seven digits of the layer name's own hash.
    key = f"cryptomatte/{murmur3(NAME):08x}"[:-1]
    manifest = {name: f"{name_id(name):08x}" for name in instances}
    return {
        f"{key}/name": NAME,
        f"{key}/hash": "MurmurHash3_32",
        f"{key}/conversion": "uint32_to_float32",
        f"{key}/manifest": json.dumps(manifest, separators=(",", ":")),
    }


def rank(shape: tuple[int, int], instances: Sequence[str], alphas: Mapping[str, Half]) -> Plane:
    """Return the pixels of a Cryptomatte.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the data window.
    instances : sequence of str
        Every instance of the shot.
    alphas : mapping of str to ndarray of float16, shape (height, width), in [0, 1]
        As the layered file has them; an absent instance is not in it.

    Returns
    -------
    ndarray of float32, shape (height, width, channels)
        As `layer_channels` names them; 0 where there is nothing.
    """
    pixels = np.zeros((*shape, len(layer_channels(len(instances)))), np.float32)
    there = [name for name in instances if name in alphas]
    if not there:
        return pixels
    used = np.zeros(shape, bool)
    for name in there:
        used |= alphas[name] > 0
    where = np.nonzero(used)
    coverage = np.stack([alphas[name][where] for name in there]).astype(np.float32)
    ids = np.array([name_id(name) for name in there], np.uint32).view(np.float32)
    # Equal coverages keep the instances' order, so that equal mattes give equal bytes.
    order = np.argsort(-coverage, axis=0, kind="stable")
    for place in range(min(len(there), pixels.shape[2] // 2)):
        amount = np.take_along_axis(coverage, order[place : place + 1], axis=0)[0]
        pixels[..., 2 * place][where] = np.where(amount > 0, ids[order[place]], np.float32(0))
        pixels[..., 2 * place + 1][where] = amount
    return pixels


def extract(pixels: Plane, name: str) -> Plane:
    """Return one instance's coverage from a Cryptomatte's pixels, as pickers do.

    Parameters
    ----------
    pixels : ndarray of float32, shape (height, width, channels)
    name : str

    Returns
    -------
    ndarray of float32, shape (height, width)
    """
    wanted = np.uint32(name_id(name))
    hit = np.ascontiguousarray(pixels[..., 0::2]).view(np.uint32) == wanted
    found: Plane = np.where(hit, pixels[..., 1::2], np.float32(0)).sum(axis=-1, dtype=np.float32)
    return found


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & _MASK
