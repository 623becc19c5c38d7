from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vimatte.errors import CheckpointError
from vimatte.training import shards


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    made = {f"layer{n}": torch.randn(10, 10) for n in range(5)}
    return {**made, "norm.num_batches_tracked": torch.tensor(3)}


def test_what_fits_is_one_file(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "w.safetensors"
    assert shards.write_weights(path, state, {"config": "{}"}) == [path]
    back = load_file(path)
    assert set(back) == {f"layer{n}" for n in range(5)}
    assert torch.equal(back["layer3"], state["layer3"].half())


def test_pieces_join_to_the_same(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    shards.write_weights(tmp_path / "whole.safetensors", state, {"config": "{}"})
    monkeypatch.setattr(shards, "MOST_BYTES", 1000)
    files = shards.write_weights(tmp_path / "w.safetensors", state, {"config": "{}"})
    assert [f.name for f in files] == [f"w-{n}-of-3.safetensors" for n in (1, 2, 3)]
    joined = shards.join_weights(files[::-1], tmp_path / "joined.safetensors")
    whole, made = load_file(tmp_path / "whole.safetensors"), load_file(joined)
    assert whole.keys() == made.keys()
    assert all(torch.equal(whole[name], made[name]) for name in whole)
    with safe_open(joined, framework="pt") as file:
        assert file.metadata() == {"config": "{}"}
    with pytest.raises(CheckpointError, match="2 files"):
        shards.join_weights(files[:2], tmp_path / "less.safetensors")
    with pytest.raises(CheckpointError, match="not of the same"):
        shards.join_weights([files[0], files[0], files[2]], tmp_path / "twice.safetensors")
    files[1].write_bytes(b"no weights")
    with pytest.raises(CheckpointError, match="cannot read"):
        shards.join_weights(files, tmp_path / "bad.safetensors")
    assert not (tmp_path / "less.safetensors").exists()


def test_a_tensor_that_fits_nowhere(
    tmp_path: Path, state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MOST_BYTES", 300)
    with pytest.raises(CheckpointError, match="does not fit"):
        shards.write_weights(tmp_path / "w.safetensors", state, {})
    assert list(tmp_path.iterdir()) == []
