"""The network: what its architecture promises, whatever its weights are."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from models_support import crop_of, lively
from safetensors.torch import save_file

from vimatte.errors import CheckpointError, ConfigError
from vimatte.models import checkpoint
from vimatte.models.base import Crop
from vimatte.models.colour_lines import follow_colour_lines
from vimatte.models.lite_runner import LiteRunner
from vimatte.models.msgvim_lite import (
    MEMORY_KEEP,
    REFINE_HALO,
    MSGVIMLite,
    to_stride2,
    unknown_band,
)
from vimatte.models.registry import DEFAULT_MODEL, load_model


@pytest.mark.parametrize(("scale", "height", "width"), [(1, 320, 448), (2, 192, 256), (4, 96, 160)])
def test_tiled_refinement_equals_dense(
    scale: int, height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Masks that are sure of themselves leave a part outside of the unknown band.
    monkeypatch.setattr("vimatte.models.msgvim_lite.MASK_CONFIDENCE", 0.99999)
    network = lively()
    runner = LiteRunner("x", copy.deepcopy(network), "0", torch.device("cpu"))
    height, width = height * scale, width * scale
    crop = crop_of(height, width, scale)
    tiled, _ = runner.step([(crop, None)])[0]
    with torch.inference_mode():
        rgb = torch.from_numpy(crop.rgb).permute(2, 0, 1)[None]
        masks = torch.from_numpy(np.stack([crop.target, crop.reference]).astype(np.float32))[None]
        x = torch.cat([rgb, masks], 1)
        if scale > 1:
            x = F.avg_pool2d(x, scale)
            x = torch.cat([x[:, :3], (x[:, 3:] >= 0.5).float()], 1)
        coarse = network.coarse(x, None)
        halo = F.pad(rgb, (REFINE_HALO,) * 4, mode="reflect")
        dense = torch.sigmoid(
            network.refine(
                halo, to_stride2(coarse.logits4, scale), to_stride2(coarse.detail, scale)
            )
        )
        alpha4 = torch.sigmoid(coarse.logits4)
        band = unknown_band(alpha4).repeat_interleave(4 * scale, 2).repeat_interleave(4 * scale, 3)
        plain = F.interpolate(alpha4, scale_factor=4 * scale, mode="bilinear")
        fused = plain + band * (dense - plain)
        fused[:, :1] = follow_colour_lines(rgb, fused[:, :1], band)
        expected = fused[0].numpy()
    assert 0.01 < band.mean() < 1
    np.testing.assert_allclose(tiled.alpha, expected[0], atol=2e-5)
    np.testing.assert_allclose(tiled.reference, expected[1], atol=2e-5)


def test_an_untrained_network_gives_the_blurred_mask() -> None:
    runner = LiteRunner("x", MSGVIMLite(), "0", torch.device("cpu"))
    crop = crop_of(128, 128)
    matte, _ = runner.step([(crop, None)])[0]
    inside = np.zeros((128, 128), bool)
    inside[54:74, 54:74] = True
    assert matte.alpha[inside].min() > 0.97
    # 0.02 is what a mask leaves of doubt; the fit to a plate of noise adds to it.
    assert matte.alpha[:10, 40:].max() < 0.1


def test_state_is_rounded_so_that_a_saved_one_is_the_same() -> None:
    runner = LiteRunner("x", lively(), "0", torch.device("cpu"))
    _, state = runner.step([(crop_of(128, 192), None)])[0]
    assert state.dtype == np.float16
    assert state.shape == (34, 32, 48)
    first, _ = runner.step([(crop_of(128, 192, seed=1), state)])[0]
    again, _ = runner.step([(crop_of(128, 192, seed=1), state.copy())])[0]
    np.testing.assert_array_equal(first.alpha, again.alpha)
    fresh, _ = runner.step([(crop_of(128, 192, seed=1), None)])[0]
    assert np.abs(first.alpha - fresh.alpha).max() > 1e-4


def test_the_masks_of_earlier_frames_are_seen_until_they_fade() -> None:
    network = lively()
    x = torch.rand(1, 5, 64, 64)
    x[:, 3:] = 0
    other = x.clone()
    other[:, 3, 16:48, 16:48] = 1
    with torch.no_grad():
        calm, flicker = (network.coarse(first, None).state for first in (x, other))
        assert torch.equal(calm[:, 32:], torch.zeros(1, 2, 16, 16))
        assert flicker[:, 32, 8, 8].item() == 1
        # The features of the two frames are made equal: what differs is the memory of the mask.
        flicker[:, :32] = calm[:, :32]
        after = [network.coarse(x, state) for state in (calm, flicker)]
        assert not torch.equal(after[0].logits4, after[1].logits4)
        assert after[1].state[:, 32, 8, 8].item() == pytest.approx(MEMORY_KEEP)
        network.temporal_masks = False
        after = [network.coarse(x, state[:, :32]) for state in (calm, flicker)]
        assert torch.equal(after[0].logits4, after[1].logits4)


CHILD = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[3])
from vimatte.models.registry import load_model
from test_msgvim_lite import crop_of
model = load_model("msgvim-lite", device="cpu", weights=Path(sys.argv[1]))
folder = Path(sys.argv[2])
state = np.load(folder / "state.npy")
for frame in range(6, 11):
    matte, state = model.step([(crop_of(128, 160, seed=frame), state)])[0]
    np.save(folder / f"resumed{frame}.npy", matte.alpha)
"""


def test_ten_frames_equal_five_saved_and_five_in_a_new_process(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    save_file({k: v.half().contiguous() for k, v in lively().state_dict().items()}, weights)
    model = load_model("msgvim-lite", device="cpu", weights=weights)
    state, alphas = None, {}
    for frame in range(1, 11):
        matte, state = model.step([(crop_of(128, 160, seed=frame), state)])[0]
        alphas[frame] = matte.alpha
        if frame == 5:
            np.save(tmp_path / "state.npy", state)
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(here.parents[1] / "core")}
    subprocess.run(
        [sys.executable, "-c", CHILD, str(weights), str(tmp_path), str(here)],
        check=True,
        timeout=120,
        env=environment,
    )
    for frame in range(6, 11):
        resumed = np.load(tmp_path / f"resumed{frame}.npy")
        np.testing.assert_array_equal(resumed, alphas[frame])


def test_a_larger_region_changes_nothing_far_from_its_new_border() -> None:
    network = lively()
    runner = LiteRunner("x", network, "0", torch.device("cpu"))
    big = crop_of(640, 640)
    small = Crop(
        np.ascontiguousarray(big.rgb[:, :512]), big.target[:, :512], big.reference[:, :512], 1
    )
    wide, _ = runner.step([(big, None)])[0]
    narrow, _ = runner.step([(small, None)])[0]
    # With global pooling this would differ everywhere; fixed windows reach 200 pixels.
    assert np.abs(wide.alpha[:, :96] - narrow.alpha[:, :96]).max() < 1e-3


def test_unknown_band_is_the_widened_uncertain_part() -> None:
    alpha = torch.zeros(1, 2, 16, 16)
    alpha[0, 1, 8, 8] = 0.5
    band = unknown_band(alpha, reach=2)[0, 0]
    assert band.sum() == 25
    assert band[6:11, 6:11].all()


def test_the_unknown_band_fades_in_with_the_uncertainty() -> None:
    alpha = torch.linspace(0, 1, 4081).reshape(1, 1, 1, -1)  # steps of 1/4080, 16 to 1/255
    band = unknown_band(alpha, reach=0)[0, 0, 0]
    assert not band[:17].any()
    torch.testing.assert_close(band[24], torch.tensor(0.5), atol=1e-4, rtol=0)
    torch.testing.assert_close(band[32:-32], torch.ones(4081 - 64), atol=1e-4, rtol=0)
    torch.testing.assert_close(band, band.flip(0), atol=1e-3, rtol=0)
    assert band.diff().abs().max() < 1 / 15


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not weights of msgvim-lite"):
        load_model("msgvim-lite", weights=path)


def test_corrupt_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.safetensors"
    path.write_bytes(b"\x10\x00\x00")
    with pytest.raises(CheckpointError, match="not weights"):
        load_model("msgvim-lite", weights=path)


def test_packaged_weights_with_a_wrong_checksum_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(b"not the weights")
    monkeypatch.setattr(checkpoint, "packaged_weights", lambda row: path)
    with pytest.raises(CheckpointError, match="checksum"):
        load_model(DEFAULT_MODEL)


def test_devices() -> None:
    with pytest.raises(ConfigError, match="tpu"):
        checkpoint.choose_device("tpu")
    assert checkpoint.choose_device("auto").type in ("cpu", "cuda")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="CUDA"):
            checkpoint.choose_device("cuda")
