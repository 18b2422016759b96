"""Result files put together: what a page and the figures of a paper are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from skelzero.errors import UserError
from skelzero.protocol.figures import GATE_SETTINGS, GZSL, ZSL
from skelzero.protocol.result import Result
from skelzero.protocol.summary import Pair, Row, pair_up, summarise, told_apart
from skelzero.report.verdict import MAIN, Key, Verdict, judge, ranked

FIRST = "ridge"
"""The baseline where it is among the methods."""


@dataclass(frozen=True)
class Comparison:
    """What a report and the figures of a paper are made of.

    Attributes
    ----------
    results : list of Result
        One name for each setup.
    rows, pairs : list
        Summaries, and differences to `baseline`.
    keys : list of (data set, split, setting)
        Without the gates, which have a table of their own.
    baseline : str
    """

    results: list[Result]
    rows: list[Row]
    pairs: list[Pair]
    keys: list[Key]
    baseline: str

    @property
    def places(self) -> list[tuple[str, str]]:
        """Data sets and splits."""
        return list(dict.fromkeys((r.dataset, r.split) for r in self.rows))

    def best(self, key: Key) -> str:
        return ranked(key, self.rows)[0].method

    def best_of(self, place: tuple[str, str]) -> str:
        """The best method of the first setting of a split."""
        return next((self.best(key) for key in self.keys if key[:2] == place), "")

    def verdict(self, key: Key) -> Verdict:
        return judge(key, self.results, self.rows, self.baseline)


def compare(given: Sequence[Result], *, where: object, baseline: str | None = None) -> Comparison:
    """Summaries of result files.

    Raises
    ------
    UserError
        No result, or a baseline that is not among them.
    """
    if not given:
        raise UserError("nothing to report", where=where, expected="results of `skelzero compare`")
    results = told_apart(given)
    methods = sorted({r.task.method for r in results})
    wanted = baseline or FIRST
    # A baseline with several setups is the first of them.
    named = [m for m in methods if m == wanted or m.startswith(f"{wanted} (")]
    if baseline and not named:
        raise UserError("the baseline is not among the results", where=where, got=baseline,
                        expected=", ".join(methods))  # fmt: skip
    chosen = (named or methods)[0]
    rows = summarise(results)
    keys = list(dict.fromkeys((r.dataset, r.split, r.setting) for r in rows if r.setting not in GATE_SETTINGS))
    # What everybody reports comes first.
    keys = sorted(keys, key=lambda key: key[2] not in (ZSL, GZSL))
    pairs = pair_up(results, chosen, list(MAIN.values()))
    return Comparison(results, rows, pairs, [k for k in keys if ranked(k, rows)], chosen)
