"""Published figures: they match splits that exist and methods that are registered, and lie in range."""

from __future__ import annotations

import pytest

from skelzero.methods import METHODS
from skelzero.protocol.figures import SETTINGS
from skelzero.protocol.published import _table, published_for
from skelzero.protocol.splits import split_names
from skelzero.text import load_class_set

FIGURES = _table()


def test_every_figure_is_of_a_split_that_this_package_knows() -> None:
    assert sum(map(len, FIGURES.values())) > 100
    for dataset, split, setting, metric in FIGURES:
        assert split in split_names(load_class_set(dataset))
        assert setting in SETTINGS and metric == {"zsl": "top1", "gzsl": "H"}[setting.split("-")[0]]


def test_figures_are_shares_with_a_source_and_methods_exist() -> None:
    for key, entries in FIGURES.items():
        assert len({entry.method for entry in entries}) == len(entries), f"{key}: a method stands twice"
        for entry in entries:
            assert 0.01 < entry.value < 1 and entry.source and entry.chosen
            assert all(name in METHODS for name in entry.ours)


@pytest.mark.parametrize(
    ("place", "method", "value"),
    [(("ntu120", "55/5", "zsl", "top1"), "SMIE", 0.7798), (("ntu120", "60/60", "zsl", "top1"), "TDSM", 0.2721),
     (("ntu120", "random-5", "zsl", "top1"), "SMIE", 0.5885), (("pku_mmd", "46/5", "gzsl", "H"), "best known", 0.714),
     (("pku_mmd", "random-7", "zsl-transductive", "top1"), "PGFA", 0.878)],
)  # fmt: skip
def test_some_by_hand(place: tuple[str, str, str, str], method: str, value: float) -> None:
    found = {entry.method: entry.value for entry in published_for(*place)}
    assert found[method] == pytest.approx(value)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_inductive_and_transductive_figures_stay_apart() -> None:
    inductive = {p.method for p in published_for("ntu120", "random-1", "zsl", "top1")}
    assert "PGFA" not in inductive and "TDSM" in inductive
    assert {p.method for p in published_for("ntu120", "random-1", "zsl-transductive", "top1")} == {"PGFA"}
    assert all("mean of three" in p.note for p in published_for("ntu120", "random-1", "zsl", "top1"))


def test_nothing_is_shown_where_nothing_was_published() -> None:
    for place in (("utd_mhad", "22/5"), ("ntu120", "random:9"), ("msr_action3d", "random:7")):
        assert published_for(*place, "zsl", "top1") == ()
