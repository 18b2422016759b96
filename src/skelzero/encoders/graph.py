"""The skeleton as a graph: which joints hang together, built from a layout's bones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from skelzero.clips import JointLayout


@dataclass(frozen=True)
class SkeletonGraph:
    """Joints, bones and centre of a layout, as an encoder needs them.

    Attributes
    ----------
    name : str
        The layout's name, for messages.
    joints : int
        Number of joints V.
    bones : tuple of (int, int)
        (child, parent) pairs.
    root : int
        The centre from which partitions are told.
    dims : int
        Coordinates a joint, 3 or 2.
    """

    name: str
    joints: int
    bones: tuple[tuple[int, int], ...]
    root: int
    dims: int = 3

    @classmethod
    def from_layout(cls, layout: JointLayout) -> SkeletonGraph:
        return cls(layout.name, len(layout), layout.bones, layout.root, layout.dims)

    def parents(self) -> Int[np.ndarray, " V"]:
        """Each joint's neighbour on the way to the root, whichever way its bone was written; the root is its own."""
        hops, parent = self.hops(), np.arange(self.joints)
        for a, b in self.bones:
            if hops[a] != hops[b]:
                outer, inner = (a, b) if hops[a] > hops[b] else (b, a)
                parent[outer] = inner
        return parent

    def hops(self) -> Int[np.ndarray, " V"]:
        """Bones between each joint and the root; joints that no bone reaches count as one further than the furthest."""
        near: dict[int, list[int]] = {joint: [] for joint in range(self.joints)}
        for a, b in self.bones:
            near[a].append(b)
            near[b].append(a)
        found, queue = {self.root: 0}, deque([self.root])
        while queue:
            joint = queue.popleft()
            for other in near[joint]:
                if other not in found:
                    found[other] = found[joint] + 1
                    queue.append(other)
        beyond = max(found.values()) + 1
        return np.array([found.get(joint, beyond) for joint in range(self.joints)])

    def partitions(self) -> Float32[np.ndarray, "3 V V"]:
        """Adjacency by spatial partitioning (Yan et al. 2018, section 3.3): own distance, towards the root, away.

        Entry (k, v, w) weighs what joint w takes from joint v; columns of the whole graph sum to one.
        """
        hops = self.hops()
        near = np.eye(self.joints)
        for a, b in self.bones:
            near[a, b] = near[b, a] = 1.0
        weight = near / near.sum(axis=0, keepdims=True)
        same, towards = hops[:, None] == hops[None, :], hops[:, None] < hops[None, :]
        parts = [np.where(mask, weight, 0.0) for mask in (same, towards, ~same & ~towards)]
        return np.stack(parts).astype(np.float32)

    def directed(self) -> Float32[np.ndarray, "3 V V"]:
        """Self links, links to parents, links to children (CTR-GCN's topology); columns sum to one."""
        parents = self.parents()
        inward = np.zeros((self.joints, self.joints))
        for joint, parent in enumerate(parents):
            if joint != parent:
                inward[joint, parent] = 1.0
        parts = [np.eye(self.joints), inward, inward.T]
        return np.stack([a / np.maximum(a.sum(axis=0, keepdims=True), 1.0) for a in parts]).astype(np.float32)
