"""The public Shift-GCN weights under this package's names; their index tables are checked, not trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from skelzero.encoders.shifts import shift_in_index, shift_out_index
from skelzero.errors import UserError

_RENAMED = (
    (r"^data_bn\.", "input_norm."),
    (r"^fc\.", "head."),
    (r"^l(\d+)\.gcn1\.Linear_weight$", r"blocks.\1.spatial.weight"),
    (r"^l(\d+)\.gcn1\.Linear_bias$", r"blocks.\1.spatial.bias"),
    (r"^l(\d+)\.gcn1\.Feature_Mask$", r"blocks.\1.spatial.mask"),
    (r"^l(\d+)\.gcn1\.bn\.", r"blocks.\1.spatial.norm."),
    (r"^l(\d+)\.gcn1\.down\.0\.", r"blocks.\1.spatial.residual.linear."),
    (r"^l(\d+)\.gcn1\.down\.1\.", r"blocks.\1.spatial.residual.norm."),
    (r"^l(\d+)\.tcn1\.bn\.", r"blocks.\1.temporal.norm_in."),
    (r"^l(\d+)\.tcn1\.bn2\.", r"blocks.\1.temporal.norm_out."),
    (r"^l(\d+)\.tcn1\.shift_(in|out)\.ypos$", r"blocks.\1.temporal.shift_\2.shift"),
    (r"^l(\d+)\.tcn1\.temporal_linear\.", r"blocks.\1.temporal.linear."),
    (r"^l(\d+)\.residual\.conv\.", r"blocks.\1.residual.linear."),
    (r"^l(\d+)\.residual\.bn\.", r"blocks.\1.residual.norm."),
)
_INDEX = re.compile(r"^l\d+\.gcn1\.shift_(in|out)$")
_SIDEWAYS = re.compile(r"^l\d+\.tcn1\.shift_(in|out)\.xpos$")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Tensors of a `.pt` file, read without running anything that may be pickled into it.

    Raises
    ------
    UserError
        A missing file, or one that holds anything but named tensors.
    """
    if not path.is_file():
        raise UserError("no weights found", where=path, next_step="check the path")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError("not a file of plain PyTorch weights", where=path, got=reason,
                        expected="a state dict saved by torch.save") from error  # fmt: skip
    if not isinstance(state, Mapping) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError("not a state dict", where=path, got=type(state).__name__, expected="named tensors")
    # Weights saved from a data-parallel model carry its prefix.
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def convert_shift_gcn(state: Mapping[str, Tensor], *, where: object = None) -> dict[str, Tensor]:
    """The public state dict under the names of `ShiftGcn`.

    Raises
    ------
    UserError
        Tensors of other names, index tables that do not follow the formula, shifts sideways over joints.
    """
    converted = {}
    for name, tensor in state.items():
        if _INDEX.match(name):
            _check_index(name, tensor, state, where)
        elif _SIDEWAYS.match(name):
            # The layer could shift over joints as well; the published models hold that shift at zero.
            if not bool((tensor.abs() < 1e-6).all()):
                raise UserError("these weights shift over joints, which Shift-GCN does not", where=where, got=name)
        else:
            new = _rename(name, where)
            converted[new] = tensor.reshape(_shape(new, tensor))
    return converted


def _rename(name: str, where: object) -> str:
    for pattern, replacement in _RENAMED:
        new, count = re.subn(pattern, replacement, name)
        if count:
            # Blocks are counted from one there and from zero here.
            return re.sub(r"^blocks\.(\d+)", lambda m: f"blocks.{int(m[1]) - 1}", new)
    raise UserError("not Shift-GCN weights", where=where, got=f"a tensor named {name!r}",
                    expected="data_bn, l1 to l10, fc")  # fmt: skip


def _shape(name: str, tensor: Tensor) -> tuple[int, ...]:
    """1 x 1 convolutions are matrices here, and leading axes of length one go."""
    if name.endswith("linear.weight"):
        return tuple(tensor.shape[:2])
    if name.endswith(("spatial.bias", "spatial.mask")):
        return tuple(n for i, n in enumerate(tensor.shape) if n != 1 or i == tensor.ndim - 1)
    return tuple(tensor.shape)


def _check_index(name: str, index: Tensor, state: Mapping[str, Tensor], where: object) -> None:
    unit = name.rsplit(".", 1)[0]
    try:
        joints = state[f"{unit}.Feature_Mask"].shape[1]
        inputs, outputs = state[f"{unit}.Linear_weight"].shape
    except (KeyError, ValueError, IndexError) as error:
        raise UserError("not Shift-GCN weights", where=where, got=f"no matrix or mask for {unit}") from error
    expected = shift_in_index(joints, inputs) if name.endswith("_in") else shift_out_index(joints, outputs)
    if index.shape != expected.shape or not np.array_equal(index.numpy(), expected):
        raise UserError("an index table does not follow Shift-GCN's formula", where=where, got=name,
                        next_step="these weights belong to another model")  # fmt: skip
