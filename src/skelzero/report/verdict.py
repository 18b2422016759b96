"""What won, by how much, and whether to believe it: one verdict a split and setting, with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from skelzero.protocol.figures import family
from skelzero.protocol.result import Result
from skelzero.protocol.splits import RANDOM
from skelzero.protocol.summary import Pair, Row, pair_up, split_group

Key = tuple[str, str, str]
"""Data set, split, setting."""

MAIN = {"zsl": "top1", "gzsl": "H"}
DRAWS, SEEDS = 15, 5
"""How many random draws, or seeds of a fixed split, a ranking needs."""
MANY = 10
"""From so many setups on, the best of them owes something to chance."""

Level = Literal["yes", "care", "no"]


@dataclass(frozen=True)
class Reason:
    """Something that speaks for a figure (`yes`), asks for care, or speaks against any conclusion (`no`)."""

    level: Level
    says: str


@dataclass(frozen=True)
class Verdict:
    """The outcome of one split and setting.

    Attributes
    ----------
    best : Row
        The highest mean of the main metric.
    gain : Pair or None
        The best minus the baseline, or, where the baseline is best, minus the next; None where nothing is compared.
    lead : Pair or None
        The best minus the next one; None where there is none.
    reasons : tuple of Reason
    """

    key: Key
    best: Row
    gain: Pair | None
    lead: Pair | None
    reasons: tuple[Reason, ...]

    @property
    def level(self) -> Level:
        """The worst of the reasons."""
        levels = [r.level for r in self.reasons]
        return "no" if "no" in levels else "care" if "care" in levels else "yes"


def main_metric(setting: str) -> str:
    return MAIN[family(setting)]


def of_key(key: Key, rows: Sequence[Row], metric: str) -> list[Row]:
    """Rows of a split, setting and metric."""
    return [r for r in rows if (r.dataset, r.split, r.setting) == key and r.metric == metric]


def ranked(key: Key, rows: Sequence[Row]) -> list[Row]:
    """Rows of the main metric, the best first."""
    return sorted(of_key(key, rows, main_metric(key[2])), key=lambda r: r.mean, reverse=True)


def of_place(key: Key, results: Sequence[Result]) -> list[Result]:
    """Results of a split that were judged in a setting."""
    return [r for r in results if r.task.split.dataset == key[0] and split_group(r.task.split.name) == key[1]
            and key[2] in r.metrics]  # fmt: skip


def difference(key: Key, results: Sequence[Result], method: str, other: str) -> Pair | None:
    """The main metric of one method minus another's, over the seeds and draws that both have."""
    chosen = [r for r in of_place(key, results) if r.task.method in (method, other)]
    found = pair_up(chosen, other, [main_metric(key[2])])
    return next((p for p in found if p.setting == key[2]), None)


def judge(key: Key, results: Sequence[Result], rows: Sequence[Row], baseline: str) -> Verdict:
    """The verdict on a split and setting; `rows` are those of `summarise(results)`."""
    order = ranked(key, rows)
    best, names = order[0], [r.method for r in order]
    lead = difference(key, results, best.method, names[1]) if len(names) > 1 else None
    gain = lead
    if best.method != baseline and baseline in names:
        gain = difference(key, results, best.method, baseline)
    reasons = _data(key, best) + _size(best, key[1]) + _distance(best, gain, lead) + _choice(key, results, order)
    return Verdict(key, best, gain, lead, tuple(reasons))


def clear(pair: Pair) -> bool | None:
    """Whether an interval excludes zero; None without an interval."""
    low, high = pair.ci95
    return None if low is None or high is None else not low <= 0 <= high


def _data(key: Key, best: Row) -> list[Reason]:
    found = []
    if best.leaky:
        found.append(Reason("no", "leaky: the encoder was trained on unseen classes"))
    if key[0] == "synthetic":
        found.append(Reason("no", "synthetic motion: says nothing about recordings of people"))
    if "transductive" in key[2]:
        found.append(Reason("care", "transductive: the unlabelled test clips were seen"))
    return found


def _size(best: Row, split: str) -> list[Reason]:
    n = best.seeds
    if RANDOM.fullmatch(split):
        enough = n >= DRAWS
        words = f"{n} random draw{'s' * (n > 1)} of the unseen classes"
        return [Reason("yes" if enough else "care", words if enough else f"only {words}; ranking needs {DRAWS}")]
    found = [] if n >= SEEDS else [Reason("care", f"only {n} seed{'s' * (n > 1)}; {SEEDS} are needed")]
    return [*found, Reason("care", "one fixed split: another draw of classes may rank otherwise")]


def _distance(best: Row, gain: Pair | None, lead: Pair | None) -> list[Reason]:
    low = best.ci95[0]
    found = []
    if low is not None and best.chance is not None and low <= best.chance:
        found.append(Reason("no", "its interval reaches down to chance"))
    if gain is None:
        return [*found, Reason("care", "nothing to compare it with")]
    found.append(_certainty(gain, "no"))
    if lead is not None and lead != gain:
        found.append(_certainty(lead, "care"))
    return list(dict.fromkeys(found))


def _certainty(pair: Pair, otherwise: Level) -> Reason:
    certain = clear(pair)
    if certain is None:
        return Reason("no", "one run: no interval")
    if certain:
        return Reason("yes", f"interval of the difference to {pair.baseline} excludes zero")
    return Reason(otherwise, f"not distinguishable from {pair.baseline}")


def _choice(key: Key, results: Sequence[Result], order: Sequence[Row]) -> list[Reason]:
    chosen = [r.selection for r in of_place(key, results) if r.task.method == order[0].method and r.selection]
    found = []
    if any(s.encoder_saw_pseudo for s in chosen):
        found.append(Reason("care", "settings were chosen with an encoder that knew the pseudo-unseen classes"))
    elif chosen and all(s.pseudo_unseen or len(s.trials) < 2 for s in chosen):
        found.append(Reason("yes", "chosen without the unseen classes' test clips"))
    if len(order) >= MANY:
        found.append(Reason("care", f"the best of {len(order)}: some of its lead is luck"))
    return found
