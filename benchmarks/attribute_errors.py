"""Which attribute errors cost most: training-free matching with single attributes left out, or made right.

`python benchmarks/attribute_errors.py --data msr_action3d=STORE ... [--kind read-attributes] [--json FILE]`. For each
attribute, over all clips and classes of each data set: how well class means of the measurements agree with the profiles
(correlation), the change of top-1 when the attribute is left out, and the change when every clip has the value that its
class's profile says - an oracle, which looks at labels to tell where the next improvement would pay. The same for whole
parts of the vocabulary. Numbers are means over the data sets.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from across import Source, bank_of, from_store
from skelzero.methods.described import agreement, described
from skelzero.text.attributes.schema import load_schema

Figures = dict[str, dict[str, float]]


def study(source: Source, kind: str) -> Figures:
    """Attribute or part, then figure."""
    schema, profiles = load_schema(), described(bank_of(source.classes, (kind,)))
    measured, truth = source.features[:, : len(schema)], source.truth
    base = top1(measured, profiles, truth)
    groups = {name: schema.index[name] == np.arange(len(schema)) for name in schema.names}
    groups |= {f"all of {part}": schema.of_part(part) for part in schema.parts}
    means = np.stack([measured[truth == k].mean(axis=0) for k in range(len(profiles))])
    found = {"nothing changed": {"top1": base}}
    for name, columns in groups.items():
        told = (profiles[:, columns] != 0) & (means[:, columns] != 0)
        oracle = measured.copy()
        oracle[:, columns] = np.where(profiles[truth][:, columns] != 0, profiles[truth][:, columns], 0)
        found[name] = {
            "correlation": correlation(means[:, columns][told], profiles[:, columns][told]),
            "left out": top1(measured * ~columns, profiles, truth) - base,
            "made right": top1(oracle, profiles, truth) - base,
        }
    return found


def top1(measured: np.ndarray, profiles: np.ndarray, truth: np.ndarray) -> float:
    weights = np.ones(profiles.shape[1], dtype=np.float32)
    return float((agreement(measured, profiles, weights).argmax(axis=1) == truth).mean())


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", required=True, metavar="CLASS_SET=STORE")
    parser.add_argument("--kind", default="attributes", choices=("attributes", "read-attributes"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    pairs = (item.partition("=") for item in given.data)
    by_set = {name: study(from_store(name, Path(path)), given.kind) for name, _, path in pairs}
    rows = {name: {figure: float(np.nanmean([found[name][figure] for found in by_set.values()]))
                   for figure in figures} for name, figures in next(iter(by_set.values())).items()}  # fmt: skip
    print(f"top-1 with nothing changed: {rows.pop('nothing changed')['top1']:.1%}")
    print(f"{'attribute':24s} correlation  left out  made right")
    for name, figures in sorted(rows.items(), key=lambda item: -item[1]["made right"]):
        print(f"{name:24s} {figures['correlation']:11.2f} {figures['left out']:+9.1%} {figures['made right']:+11.1%}")
    if given.json:
        given.json.write_text(json.dumps({"by data set": by_set, "mean": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
