"""Joint layouts: which joints a source gives, how they hang together, and where they lie on the common body.

Layouts are data files in `layouts/*.json`, found by scanning; BVH files carry their own and build one at run time.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from skelzero.cards import sha256_of
from skelzero.errors import UserError, unknown_choice

COMMON_JOINTS = (
    "hip_center", "spine", "shoulder_center", "head",
    "left_shoulder", "left_elbow", "left_wrist", "left_hand",
    "right_shoulder", "right_elbow", "right_wrist", "right_hand",
    "left_hip", "left_knee", "left_ankle", "left_foot",
    "right_hip", "right_knee", "right_ankle", "right_foot",
)  # fmt: skip
"""The 20 joints of the common body (Kinect v1's, in the order of NW-UCLA)."""


@dataclass(frozen=True)
class JointLayout:
    """The joints of one source.

    Attributes
    ----------
    name : str
        Short name, as in a store's card (`ntu25`, `kinect20-ucla`, ...).
    joints : tuple of str
        Joint names in the order of the arrays.
    bones : tuple of (int, int)
        (child, parent) pairs; together a tree or forest over the joints.
    mirror : tuple of (int, int)
        (left, right) pairs; joints in no pair lie on the midline.
    root : int
        The joint to which poses are centred.
    dims : int
        3 for metres in space, 2 for image coordinates.
    common : mapping of str to tuple of int
        For each joint of `COMMON_JOINTS` that the source gives, the joints whose mean stands for it.
    source : str
        Where the order comes from.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    mirror: tuple[tuple[int, int], ...]
    root: int
    dims: int = 3
    common: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    source: str = ""

    def __post_init__(self) -> None:
        V = len(self.joints)
        numbers = [i for pair in (*self.bones, *self.mirror, *self.common.values()) for i in pair] + [self.root]
        if len(set(self.joints)) != V or any(not 0 <= i < V for i in numbers):
            raise UserError(
                "joint layout is inconsistent", where=self.name, expected=f"unique joints, ids in 0..{V - 1}"
            )
        unknown = set(self.common) - set(COMMON_JOINTS)
        if unknown or self.dims not in (2, 3):
            raise UserError("joint layout is inconsistent", where=self.name, got=f"dims {self.dims}, {sorted(unknown)}")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def checksum(self) -> str:
        return sha256_of(self.to_json())

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "joints": list(self.joints),
            "bones": [list(pair) for pair in self.bones],
            "mirror": [list(pair) for pair in self.mirror],
            "root": self.root,
            "dims": self.dims,
            "common": {name: list(ids) for name, ids in self.common.items()},
            "source": self.source,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object], *, where: object = None) -> JointLayout:
        try:
            fields: dict[str, object] = dict(value)
            fields["joints"] = tuple(str(j) for j in value["joints"])  # type: ignore[attr-defined]
            for key in ("bones", "mirror"):
                fields[key] = tuple((int(a), int(b)) for a, b in value[key])  # type: ignore[attr-defined]
            common = value.get("common", {})
            fields["common"] = {str(k): tuple(int(i) for i in v) for k, v in common.items()}  # type: ignore[attr-defined]
            return cls(**fields)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError("joint layout cannot be read", where=where, got=str(error)) from error


@functools.cache
def layout_names() -> tuple[str, ...]:
    """Names of the layouts that ship with the package."""
    folder = resources.files("skelzero.clips") / "layouts"
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


@functools.cache
def load_layout(name: str) -> JointLayout:
    """The shipped layout of that name.

    >>> load_layout("ntu25").joints[0]
    'spine_base'
    """
    if name not in layout_names():
        raise unknown_choice("joint layout", name, layout_names())
    path = resources.files("skelzero.clips") / "layouts" / f"{name}.json"
    return JointLayout.from_json(json.loads(path.read_text(encoding="utf-8")), where=name)
