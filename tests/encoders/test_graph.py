from __future__ import annotations

import numpy as np
import pytest

from skelzero.clips import JointLayout, layout_names, load_layout
from skelzero.encoders import SkeletonGraph

LINE = JointLayout("line", ("a", "b", "c", "d"), ((1, 0), (2, 1), (3, 2)), (), root=1)


def test_hops_and_parents_are_counted_from_the_root() -> None:
    graph = SkeletonGraph.from_layout(LINE)
    assert graph.hops().tolist() == [1, 0, 1, 2]
    # The bone 1-0 is written as child 1, parent 0, but joint 0 lies further from the root.
    assert graph.parents().tolist() == [1, 1, 1, 2]


def test_joints_that_no_bone_reaches_lie_beyond_all_others() -> None:
    forest = JointLayout("forest", ("a", "b", "c"), ((1, 0),), (), root=0)
    graph = SkeletonGraph.from_layout(forest)
    assert graph.hops().tolist() == [0, 1, 2]
    assert graph.parents().tolist() == [0, 0, 2]


def test_partitions_of_a_line_by_hand() -> None:
    same, towards, away = SkeletonGraph.from_layout(LINE).partitions()
    # Joint 2 has three links (itself, 1, 3): each weighs a third; 1 is nearer to the root, 3 further.
    assert same[2, 2] == pytest.approx(1 / 3)
    assert towards[1, 2] == pytest.approx(1 / 3)
    assert away[3, 2] == pytest.approx(1 / 3)
    assert towards[3, 2] == away[1, 2] == same[1, 2] == 0


@pytest.mark.parametrize("name", layout_names())
def test_every_layout_gives_weights_that_sum_to_one(name: str) -> None:
    graph = SkeletonGraph.from_layout(load_layout(name))
    np.testing.assert_allclose(graph.partitions().sum(axis=(0, 1)), 1, rtol=1e-6)
    own, inward, outward = graph.directed()
    assert np.array_equal(own, np.eye(graph.joints))
    moved = graph.parents() != np.arange(graph.joints)
    assert (outward.sum(axis=0)[moved] == 1).all() and (outward.sum(axis=0)[~moved] == 0).all()
    assert set(np.round(inward.sum(axis=0), 5)) <= {0.0, 1.0}
    assert ((outward > 0) == (inward > 0).T).all()
