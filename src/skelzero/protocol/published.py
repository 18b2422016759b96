"""Figures that publications report for a split, to stand beside ours: never among our intervals."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources

import yaml


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes
    ----------
    method : str
        As the publication calls it.
    ours : tuple of str
        Registered methods that are it.
    value : float
        From 0 to 1.
    note : str
        What is special about it; empty for nothing.
    source : str
        Who published it.
    chosen : str
        How it was chosen among the epochs of a training.
    """

    method: str
    ours: tuple[str, ...]
    value: float
    note: str
    source: str
    chosen: str


def published_for(dataset: str, split: str, setting: str, metric: str) -> tuple[Published, ...]:
    """What publications report for a split and setting, the best first; nothing where none does.

    Parameters
    ----------
    dataset, split : str
        As in results: a class set, and a published split of it.
    setting, metric : str
        `zsl` and `top1`, `gzsl` and `H`.

    Examples
    --------
    >>> [p.method for p in published_for("ntu120", "48/12", "gzsl", "H")]
    ['SkeletonContext', 'MSF-GZSSAR']
    >>> published_for("utd_mhad", "22/5", "zsl", "top1")
    ()
    """
    found = _table().get((dataset, split, setting, metric), [])
    return tuple(sorted(found, key=lambda p: (-p.value, p.method)))


@functools.cache
def _table() -> dict[tuple[str, str, str, str], list[Published]]:
    file = resources.files("skelzero.protocol") / "data" / "published.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    table: dict[tuple[str, str, str, str], list[Published]] = {}
    for group in content["figures"]:
        for split in group["splits"]:
            key = (group["class_set"], split, group["setting"], group["metric"])
            for entry in group["values"]:
                publication = content["publications"][entry["method"]]
                table.setdefault(key, []).append(Published(
                    entry["method"], tuple(publication.get("ours", ())), entry["value"] / 100, entry.get("note", ""),
                    publication["source"], content["chosen"],
                ))  # fmt: skip
    return table
