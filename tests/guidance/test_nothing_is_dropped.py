"""Whatever is given as masks is used, or named in a notice or in the error."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import OpenImageIO as oiio
from hypothesis import given, settings
from hypothesis import strategies as st
from mask_support import write_specs

from vimatte.errors import GuidanceError
from vimatte.frames.frame_range import FrameRange
from vimatte.guidance.mask_channels import mask_layers, matte_channels, unused_layers
from vimatte.guidance.mask_folder import open_masks
from vimatte.guidance.mask_forms import ExrLayers, InstanceMattes, PngMasks
from vimatte.guidance.mask_numbers import NumberedMasks, Numbering, check_numbers
from vimatte.guidance.mask_picture import read_layout

QUICK = settings(max_examples=120, deadline=None)
FEW = settings(max_examples=25, deadline=None)

stems = st.sampled_from(["", "m", "mask", "anna_v2", "a b", "Ä"])
separators = st.sampled_from(["", ".", "_", "-", ".-", "_-"])
suffixes = st.sampled_from([".png", ".exr", ".PNG", ".jpg", ".txt", ".json"])


@st.composite
def sequences(draw: st.DrawFn) -> list[str]:
    """The names of one sequence, or of stray files."""
    if draw(st.integers(0, 4)) == 0:
        return [draw(st.sampled_from(["still.png", "notes.txt", "Thumbs.db", "x.exr", "7"]))]
    stem, separator, suffix = draw(stems), draw(separators), draw(suffixes)
    first = draw(st.sampled_from([-3, 0, 1, 8, 99, 1000, 1001, 123456789012]))
    width = draw(st.integers(1, 6))
    count = draw(st.integers(1, 6))
    return [f"{stem}{separator}{n:0{width}d}{suffix}" for n in range(first, first + count)]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, list[str]]:
    """Names of files by folder; the folder "" is the one that is given."""
    folders = draw(
        st.lists(
            st.sampled_from(["", "anna", "1", "b c", "@eaDir", "empty"]), min_size=1, max_size=4
        )
    )
    tree: dict[str, list[str]] = {}
    for folder in folders:
        tree.setdefault(folder, [])
        if folder != "empty":
            tree[folder] += draw(sequences())
    return tree


@QUICK
@given(tree=trees(), first=st.sampled_from([-2, 0, 1, 9, 1001]), count=st.integers(1, 6),
       offset=st.none() | st.sampled_from([0, 1, 1001]))  # fmt: skip
def test_every_file_is_used_or_named(
    tree: dict[str, list[str]], first: int, count: int, offset: int | None
) -> None:
    plate = FrameRange.span(first, first + count - 1)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for folder, files in tree.items():
            (root / folder).mkdir(exist_ok=True)
            for file in files:
                (root / folder / file).touch()
        try:
            given_masks = open_masks(root, plate)
            found = list(owned(given_masks.layout))
            if isinstance(given_masks.layout, InstanceMattes) and given_masks.layout.nothing:
                raise given_masks.layout.nothing
            moved = [(owner, files.moved(offset or 0)) for owner, files in found]
            notices = check_numbers(
                [NumberedMasks(owner, files.frames, files.folder) for owner, files in moved],
                Numbering(plate, plate, offset),
            )
        except GuidanceError as error:
            assert error.path
            assert str(root) in error.path
            assert error.hint
            return
        said = " ".join(map(str, (*given_masks.notices, *notices)))
        used = {
            path for _, files in moved for number, path in files.files.items() if number in plate
        }
        beyond = {
            path: str(number)
            for _, files in moved
            for number, path in files.files.items()
            if number not in plate
        }
        for path in root.rglob("*"):
            where = path.relative_to(root).as_posix()
            if path in used or where.startswith("@eaDir") or path.name == "Thumbs.db":
                continue
            if path in beyond:
                assert "belong to no frame" in said or "none of them is in the shot" in said
            elif path.is_file():
                shape = re.sub(r"-?[0-9]+(?=\.[^./]*$)", "#", where)
                whole_folder = "/" in where and re.search(
                    rf"(: |, ){re.escape(path.parent.name)}( \||,)", said
                )
                assert where in said or shape in said or whole_folder, said
            elif not any(path in each.parents for each in used | set(beyond)):
                assert path.name in said, said


def owned(layout: object) -> Iterator[tuple[str, object]]:
    if isinstance(layout, InstanceMattes):
        yield from layout.sequences.values()
    else:
        assert isinstance(layout, (PngMasks, ExrLayers))
        yield "", layout.sequence


NAMES = ["anna", "bert", "person01", "depth", "CryptoObject00", "rgba", "V.Combined", "Y", ""]
COMPONENTS = [["A"], ["Y"], ["Z"], ["R", "G", "B"], [*"RGBA"], ["red", "alpha"], ["mask"]]


@FEW
@given(
    layers=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(COMPONENTS), st.booleans()),
        min_size=1,
        max_size=5,
        unique_by=lambda layer: layer[0],
    ),
    many=st.booleans(),
)
def test_every_layer_is_a_mask_or_named(
    layers: list[tuple[str, list[str], bool]], many: bool
) -> None:
    """In parts with windows of their own, or all in one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.1.exr"
        write(path, layers, many)
        layout = read_layout(path, 1)
        used = mask_layers(layout)
        named = unused_layers(layout)
        written = sum(len(components) for _, components, _ in layers)
        assert len(layout.channels) + len(layout.unread) == written
        for name in layout.channels:
            layer = name.rpartition(".")[0]
            last = name.rpartition(".")[2]
            assert (
                layer in used
                or last in used
                or any(text.split(" (")[0] in (layer, last) for text in named)
                or (not layer and any(last.upper() in text.split("/") for text in named))
            ), (name, used, named)
        count = len({name.rpartition(".")[0] for name in layout.channels})
        matte = matte_channels(layout)
        assert matte is None or len(matte.unused) >= count - 1


def spelt(layer: tuple[str, list[str], bool]) -> list[str]:
    name, components, _ = layer
    return [f"{name}.{c}" if name else c for c in components]


def write(path: Path, layers: list[tuple[str, list[str], bool]], many: bool) -> None:
    specs = []
    if many:
        for at, (name, components, dotted) in enumerate(layers):
            spec = oiio.ImageSpec(2 + at, 3, len(components), "half")
            spec.x, spec.y, spec.full_width, spec.full_height = at, 1, 12, 8
            prefix = f"{name}." if dotted and name else ""
            spec.channelnames = tuple(prefix + c for c in components)
            spec.attribute("oiio:subimagename", name or "")
            specs.append(spec)
    else:
        names = [n for layer in layers for n in spelt(layer)]
        spec = oiio.ImageSpec(12, 8, len(names), "half")
        spec.channelnames = tuple(names)
        specs.append(spec)
    write_specs(path, specs)
