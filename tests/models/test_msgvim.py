"""The paper's network: its size, its names, its state, and that folding changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vimatte.errors import CheckpointError
from vimatte.models.base import Crop
from vimatte.models.msgvim import MSGVIM
from vimatte.models.msgvim_runner import refine_progressively
from vimatte.models.registry import load_model
from vimatte.models.spectral_norm import SpectralNorm

PUBLISHED = (
    "encoder.conv1.module.weight_bar",
    "encoder.bn3.running_mean",
    "encoder.layer2.0.downsample.1.module.weight_u",
    "encoder.layer3.0.downsample.2.weight",
    "encoder.layer_bottleneck.1.conv2.module.weight_v",
    "encoder.shortcut.0.0.module.weight_bar",
    "encoder.shortcut.4.5.bias",
    "aspp.aspp5.weight",
    "aspp.aspp5_bn.running_var",
    "aspp.conv2.weight",
    "decoder.conv1.module.weight_bar",
    "decoder.layer1.0.upsample.1.module.weight_bar",
    "decoder.layer3.2.bn2.weight",
    "decoder.layer4.0.tmp_network.hh.bias",
    "decoder.refine_OS8.3.bias",
)


@pytest.fixture(scope="module")
def network() -> MSGVIM:
    torch.manual_seed(0)
    made = MSGVIM()
    for module in made.modules():
        if isinstance(module, SpectralNorm):
            for _ in range(5):  # else the division is by anything
                module.weight()
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return made.eval()


@pytest.fixture(scope="module")
def weights(network: MSGVIM, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("msgvim") / "w.safetensors"
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, path)
    return path


def crop_of(seed: int, scale: int = 1) -> Crop:
    rng = np.random.default_rng(seed)
    height, width = 64 * scale, 96 * scale
    target = np.zeros((height, width), np.bool_)
    target[height // 4 : height // 2, width // 5 : width // 2] = True
    return Crop(rng.random((height, width, 3), dtype=np.float32), target, ~target, scale)


def test_it_has_the_parameters_of_the_paper(network: MSGVIM) -> None:
    trained = [p for n, p in network.named_parameters() if not n.endswith(("weight_u", "weight_v"))]
    assert sum(p.numel() for p in trained) == 29_602_726
    parts = (("encoder", 15_801_920), ("aspp", 4_460_032), ("decoder", 9_340_774))
    for part, count in parts:
        named = getattr(network, part).named_parameters()
        sizes = [p.numel() for n, p in named if not n.endswith(("weight_u", "weight_v"))]
        assert sum(sizes) == count


def test_its_names_are_those_of_the_published_checkpoint(network: MSGVIM) -> None:
    names = set(network.state_dict())
    assert names.issuperset(PUBLISHED)


def test_a_published_checkpoint_loads(network: MSGVIM, weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "best_model.pth"
    state = {f"module.{k}": v for k, v in network.state_dict().items()}
    torch.save({"state_dict": state, "iter": 1}, path)  # noqa: TID251 - as its authors did
    ours = load_model("msgvim", device="cpu", weights=weights)
    theirs = load_model("msgvim", device="cpu", weights=path)
    work = [(crop_of(1), None)]
    np.testing.assert_array_equal(ours.step(work)[0][0].alpha, theirs.step(work)[0][0].alpha)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": Path("x")}, path)  # noqa: TID251 - what is to be refused
    with pytest.raises(CheckpointError, match="not weights of msgvim"):
        load_model("msgvim", device="cpu", weights=path)


def test_no_weights_is_one_clear_line() -> None:
    with pytest.raises(CheckpointError, match="do not ship") as info:
        load_model("msgvim", device="cpu")
    assert "--weights" in str(info.value)


def test_folding_changes_nothing(network: MSGVIM, weights: Path) -> None:
    x = torch.rand(1, 5, 64, 96, generator=torch.Generator().manual_seed(1))
    state = torch.rand(1, 16, 32, 48, generator=torch.Generator().manual_seed(2)) - 0.5
    with torch.inference_mode():
        plain = network(x, state)
    folded = load_model("msgvim", device="cpu", weights=weights)._network  # type: ignore[attr-defined]
    assert not [m for m in folded.modules() if isinstance(m, SpectralNorm)]
    with torch.inference_mode():
        same = folded(x, state)
    for a, b in zip(plain, same, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_ten_frames_equal_five_saved_and_five_more(weights: Path) -> None:
    model = load_model("msgvim", device="cpu", weights=weights)
    state, alphas = None, {}
    for frame in range(1, 11):
        matte, state = model.step([(crop_of(frame), state)])[0]
        alphas[frame] = matte.alpha
        if frame == 5:
            kept = state.copy()
    again = load_model("msgvim", device="cpu", weights=weights)
    for frame in range(6, 11):
        matte, kept = again.step([(crop_of(frame), kept)])[0]
        np.testing.assert_array_equal(matte.alpha, alphas[frame])
    fresh, _ = again.step([(crop_of(10), None)])[0]
    assert (fresh.alpha != alphas[10]).any()


@pytest.mark.parametrize("scale", [1, 2])
def test_shapes_at_every_scale(weights: Path, scale: int) -> None:
    model = load_model("msgvim", device="cpu", weights=weights)
    matte, state = model.step([(crop_of(3, scale), None)])[0]
    assert matte.alpha.shape == matte.reference.shape == (64 * scale, 96 * scale)
    assert state.shape == (16, 32, 48)
    assert state.dtype == np.float16
    assert 0 <= matte.alpha.min() <= matte.alpha.max() <= 1


def test_a_finer_scale_is_taken_only_where_the_coarser_is_unsure() -> None:
    os8 = np.zeros((2, 40, 40), np.float32)
    os8[:, :, 20:] = 1
    os8[0, 10, 10] = 0.5
    os4, os1 = np.full_like(os8, 0.25), np.full_like(os8, 0.75)
    fused = refine_progressively(os8, os4, os1)
    # An ellipse of 15 around the unsure pixel takes stride 4, which is unsure: then stride 1.
    assert fused[0, 10, 10] == 0.75
    assert fused[0, 10, 17] == 0.75
    assert fused[0, 10, 18 + 3] == 1
    assert fused[0, 30, 10] == 0
    np.testing.assert_array_equal(fused[1], os8[1])


def test_the_norm_is_iterated_in_training_only() -> None:
    conv = SpectralNorm(torch.nn.Conv2d(4, 6, 3, bias=False))
    before = conv.module.weight_u.clone()  # type: ignore[operator,union-attr]
    conv.eval()(torch.rand(1, 4, 8, 8))
    torch.testing.assert_close(conv.module.weight_u, before, rtol=0, atol=0)
    conv.train()
    for _ in range(60):
        loss = conv(torch.rand(1, 4, 8, 8)).sum() + conv(torch.rand(1, 4, 8, 8)).sum()
    loss.backward()
    largest = torch.linalg.matrix_norm(conv.eval().weight().detach().flatten(1), ord=2)
    assert float(largest) == pytest.approx(1, abs=1e-2)
