from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from skelzero.clips import load_layout
from skelzero.encoders import ENCODERS, FrozenEncoder, SkeletonGraph
from skelzero.encoders.public_weights import convert_shift_gcn, read_state_dict
from skelzero.encoders.shift_gcn import ShiftGcn, SpatialShiftUnit
from skelzero.errors import UserError

NTU = SkeletonGraph.from_layout(load_layout("ntu25"))
FILES = {
    "ntu120_ShiftGCN_joint_xsub.pt": 120, "ntu120_ShiftGCN_joint_xsetup.pt": 120,
    "ntu_ShiftGCN_joint_xsub.pt": 60, "ntu_ShiftGCN_joint_xview.pt": 60,
}  # fmt: skip


def randomised(model: torch.nn.Module) -> torch.nn.Module:
    """A model whose norms, masks and shifts are all at work, as after training."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 2.0, generator=generator)
        elif tensor.is_floating_point() and tensor.ndim == 1:
            tensor.data.add_(torch.randn(tensor.shape, generator=generator) * 0.3)
        elif name.endswith("mask"):
            tensor.data.normal_(0, 0.5, generator=generator)
    return model


def test_spatial_unit_equals_a_hand_loop() -> None:
    V, C, D = 5, 3, 4
    unit = randomised(SpatialShiftUnit(V, C, D)).double().eval()
    x = torch.randn(1, 2, V, C, dtype=torch.float64)
    flat, mask = x.reshape(2, V * C), torch.tanh(unit.mask) + 1
    shifted = torch.stack([flat[:, (p + p % C * C) % (V * C)] for p in range(V * C)], dim=1)
    mixed = torch.zeros(2, V * D, dtype=torch.float64)
    for v in range(V):
        for d in range(D):
            mixed[:, v * D + d] = unit.bias[d]
            for c in range(C):
                mixed[:, v * D + d] += shifted[:, v * C + c] * mask[v, c] * unit.weight[c, d]
    back = torch.stack([mixed[:, (p - p % D * D) % (V * D)] for p in range(V * D)], dim=1)
    expected = torch.relu(unit.norm(back).view(1, 2, V, D) + unit.residual(x))
    torch.testing.assert_close(unit(x), expected)


@pytest.mark.parametrize("name", ["shift-gcn", "shift-gcn:small"])
@pytest.mark.parametrize("frames", [8, 16])
def test_folding_changes_nothing_but_rounding(name: str, frames: int) -> None:
    """At 8 frames the deep filters reach over the whole clip, which is a case of its own near the ends."""
    model = randomised(ENCODERS[name].build(NTU, 7, persons=2)).double().eval()
    for module in model.modules():
        if hasattr(module, "shift") and isinstance(module.shift, Tensor):
            module.shift.data.mul_(3)
    x = torch.randn(3, 3, frames, 25, 2, dtype=torch.float64)
    x[1, ..., 1] = 0
    features, logits = FrozenEncoder(model)(x)
    with torch.no_grad():
        torch.testing.assert_close(features, model.features(x))
        torch.testing.assert_close(logits, model(x))


def test_the_published_width_has_the_published_size() -> None:
    model = ENCODERS["shift-gcn"].build(NTU, 60, persons=2)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval().features(torch.randn(1, 3, 64, 25, 2))
    # 761 million multiply-adds, and the depthwise filters that do the interpolation.
    assert 755e6 < counter.get_total_flops() / 2 < 800e6


@pytest.mark.parametrize("file", FILES)
def test_public_weights_load_whole(recordings: Path, file: str) -> None:
    state = convert_shift_gcn(read_state_dict(recordings / "weights" / file))
    model = ShiftGcn(NTU, FILES[file])
    model.load_state_dict(state, strict=True)
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in model.state_dict().items()}


def test_a_changed_index_table_is_refused(recordings: Path) -> None:
    state = read_state_dict(recordings / "weights" / "ntu_ShiftGCN_joint_xsub.pt")
    state["l4.gcn1.shift_out"] = state["l4.gcn1.shift_out"].flip(0)
    with pytest.raises(UserError, match=r"(?s)does not follow Shift-GCN's formula.*l4\.gcn1\.shift_out"):
        convert_shift_gcn(state)


def test_shifts_over_joints_are_refused(recordings: Path) -> None:
    state = read_state_dict(recordings / "weights" / "ntu_ShiftGCN_joint_xsub.pt")
    state["l2.tcn1.shift_in.xpos"] = torch.full((64,), 0.5)
    with pytest.raises(UserError, match="shift over joints"):
        convert_shift_gcn(state)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not a file of plain PyTorch weights"), (b"nonsense" * 50, "not a file of plain PyTorch weights")],
)
def test_broken_weight_files_are_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_state_dict(path)


class Payload:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("__import__('pathlib').Path('ran').touch()",))


def test_code_in_a_weight_file_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Payload()}, tmp_path / "w.pt")
    with pytest.raises(UserError, match="not a file of plain PyTorch weights"):
        read_state_dict(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [[1, 2], {"a": "text"}])
def test_files_of_other_things_are_told(tmp_path: Path, value: object) -> None:
    torch.save(value, tmp_path / "w.pt")
    with pytest.raises(UserError, match="not a state dict"):
        read_state_dict(tmp_path / "w.pt")


def test_other_models_weights_are_told() -> None:
    with pytest.raises(UserError, match=r"(?s)not Shift-GCN weights.*'conv1\.weight'"):
        convert_shift_gcn({"conv1.weight": torch.zeros(3, 3)})
