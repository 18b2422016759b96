"""Class codes for arrays that know their classes only as numbers from 0 on."""

from __future__ import annotations

import re
from pathlib import Path

from skelzero.errors import UserError

FORMS = {"ntu120": ("A{:03d}", 120), "pku_mmd": ("{:d}", 51)}
"""For each data set that is distributed in this way: how its owners write the code of a class, and how many there are.

The k-th class from 0 on has the number k + 1. NTU RGB+D 60 is the first 60 classes of NTU RGB+D 120."""
BY_COUNT = {60: "ntu120", 120: "ntu120", 51: "pku_mmd"}
"""Data sets told by their number of classes."""
HINTS = (("ntu120", re.compile(r"(?<![a-z])ntu")), ("pku_mmd", re.compile(r"(?<![a-z])pku")))
"""Data sets told by the name of a file or of one of the folders nearest to it."""
FOLDERS = 4


def class_code(dataset: str, number: int, *, where: object = None) -> str:
    """The code of class `number` (from 0 on); the number itself for a data set that is not known.

    Raises
    ------
    UserError
        The data set has no such class.

    >>> class_code("ntu120", 60), class_code("pku_mmd", 0), class_code("", 7)
    ('A061', '1', '7')
    """
    form, count = FORMS.get(dataset, ("{:d}", 1 << 31))
    if not 0 <= number < count:
        raise UserError("no such class", where=where, got=f"{number} (from 0 on)", expected=f"0 to {count - 1}")
    return form.format(number + 1 if dataset in FORMS else number)


def dataset_of_path(path: Path) -> str:
    """The data set that a file's name or its folders speak of; empty when they do not or speak of several.

    >>> dataset_of_path(Path("data/zeroshot/pku/split_7/unseen_data.npy")), dataset_of_path(Path("x/train.npy"))
    ('pku_mmd', '')
    """
    for part in reversed(path.parts[-FOLDERS - 1 :]):
        found = [dataset for dataset, hint in HINTS if hint.search(part.lower())]
        if found:
            return found[0] if len(found) == 1 else ""
    return ""
