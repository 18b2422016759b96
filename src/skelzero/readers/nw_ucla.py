"""NW-UCLA: one JSON file a clip, `skeletons` (frames, 20 joints, 3) in metres, Kinect v1.

The file's own `label` is a running number, not the action's; the action is in the name. The frame rate is not given.
Source: Wang, Nie, Xia, Wu, Zhu, "Cross-view action modeling, learning and recognition", CVPR 2014; JSON as in CTR-GCN.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from jaxtyping import Float64

from skelzero.clips import Clip, Origin, load_layout
from skelzero.errors import UserError
from skelzero.readers.base import (
    LIKELY,
    NO,
    SURE,
    Reader,
    Source,
    name_numbers,
    register,
    to_float32,
    zeros_are_missing,
)

NAME = re.compile(
    r"^a(?P<action>[0-9]{1,3})_s(?P<subject>[0-9]{1,3})_e(?P<replication>[0-9]{1,3})_v(?P<camera>[0-9]{1,3})$"
)


@register
class NwUclaReader(Reader):
    name: ClassVar[str] = "nw-ucla"
    title: ClassVar[str] = "NW-UCLA skeletons (.json)"
    suffixes: ClassVar[tuple[str, ...]] = (".json",)
    dataset: ClassVar[str] = "nw_ucla"
    limit: ClassVar[int] = 32 << 20

    def sniff(self, head: bytes, name: str) -> float:
        if not head.lstrip().startswith(b"{") or b'"skeletons"' not in head:
            return NO
        return SURE if name_numbers(NAME, name.rpartition("/")[2].rpartition(".")[0]) else LIKELY

    def clips(self, source: Source) -> Iterator[Clip]:
        values = _skeletons(source.read(self.limit), source.where)
        ids = name_numbers(NAME, source.stem)
        origin = Origin(
            name=source.stem,
            dataset=self.dataset,
            code=f"a{ids['action']:02d}" if ids else "",
            subject=ids.get("subject", -1),
            camera=ids.get("camera", -1),
            replication=ids.get("replication", -1),
            file=source.name,
        )
        yield Clip(zeros_are_missing(to_float32(values[None])), load_layout("kinect20-ucla"), origin)


def _skeletons(data: bytes, where: str) -> Float64[np.ndarray, "T V C"]:
    try:
        values = np.asarray(json.loads(data)["skeletons"], dtype=np.float64)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise UserError("not a readable NW-UCLA file", where=where, got=f"{type(error).__name__}: {str(error)[:200]}",
                        expected='JSON with "skeletons": frames x 20 joints x 3 numbers') from error  # fmt: skip
    if values.ndim != 3 or values.shape[1:] != (20, 3):
        raise UserError("skeletons have the wrong shape", where=where, got=values.shape,
                        expected="(frames, 20 joints, 3)")  # fmt: skip
    return values
