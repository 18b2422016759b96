"""Usual training and test lists, seeded ones, and held-out parts of the training clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from skelzero.errors import UserError
from skelzero.protocol.partitions import inner_partition, partition_names, seeded_partition, usual_partition


@dataclass
class Rows:
    names: np.ndarray
    datasets: np.ndarray
    subjects: np.ndarray
    cameras: np.ndarray
    setups: np.ndarray


def rows(subjects: int = 8, cameras: int = 3, known: bool = True) -> Rows:
    n = subjects * cameras * 2
    i = np.arange(n)
    none = np.full(n, -1)
    return Rows(
        names=np.array([f"clip{k}" for k in i]), datasets=np.full(n, "x"), setups=i % 4 if known else none,
        subjects=i // (cameras * 2) + 1 if known else none, cameras=i % cameras + 1 if known else none,
    )  # fmt: skip


def test_usual_lists() -> None:
    table = rows()
    assert set(table.subjects[usual_partition(table, "utd_mhad").train]) == {1, 3, 5, 7}
    assert set(table.cameras[usual_partition(table, "nw_ucla").train]) == {1, 2}
    assert set(table.cameras[usual_partition(table, "ntu120", name="xview").train]) == {2, 3}
    assert set(table.setups[usual_partition(table, "ntu120", name="xsetup").train]) == {0, 2}
    assert set(table.subjects[usual_partition(table, "ntu120").train]) == {1, 2, 4, 5, 8}
    assert partition_names("ntu120") == ("xsub", "xview", "xsetup")


def test_unknown_data_set_draws_subjects_or_clips() -> None:
    table = rows(subjects=10)
    part = usual_partition(table, "mine")
    assert part.by == "subject" and len(set(table.subjects[~part.train])) == 3
    assert not set(table.subjects[part.train]) & set(table.subjects[~part.train])
    clips = rows(known=False)
    part = usual_partition(clips, "mine")
    assert part.by == "clip" and (~part.train).mean() == pytest.approx(0.3, abs=0.02)
    again = usual_partition(clips, "mine")
    assert (part.train == again.train).all()
    assert (part.train != usual_partition(clips, "mine", seed=1).train).any()


def test_named_test_subjects() -> None:
    table = rows()
    part = usual_partition(table, "utd_mhad", test_subjects={2, 3})
    assert set(table.subjects[~part.train]) == {2, 3}
    with pytest.raises(UserError, match=r"no clip of a test subject(.|\n)*99"):
        usual_partition(table, "utd_mhad", test_subjects={99})


def test_one_sided_protocols_are_refused() -> None:
    table = rows(subjects=1)
    with pytest.raises(UserError, match="no test clips"):
        usual_partition(table, "utd_mhad")
    with pytest.raises(UserError, match="unknown partition of ntu120"):
        usual_partition(table, "ntu120", name="xsubject")
    with pytest.raises(UserError, match="clips without a subject"):
        usual_partition(rows(known=False), "utd_mhad")


def test_inner_partition_follows_the_outer_one_when_it_can() -> None:
    assert inner_partition(rows(), "subject").by == "subject"
    assert inner_partition(rows(cameras=3), "camera").by == "camera"
    assert inner_partition(rows(cameras=2), "camera").by == "subject"
    assert inner_partition(rows(subjects=2, cameras=2), "camera").by == "clip"


def test_held_out_share_does_not_depend_on_row_order() -> None:
    table = rows()
    held = set(table.subjects[~seeded_partition(table, by="subject", share=0.25, seed=4).train])
    order = np.random.default_rng(0).permutation(len(table.names))
    shuffled = Rows(*(getattr(table, f)[order] for f in ("names", "datasets", "subjects", "cameras", "setups")))
    part = seeded_partition(shuffled, by="subject", share=0.25, seed=4)
    assert set(shuffled.subjects[~part.train]) == held and len(held) == 2
