"""ReViSE: autoencoders of clips and of texts, their codes drawn together.

Run `python examples/revise.py`; `--data` names a clip store or features folder of your own. Without it
synthetic motion is made; figures on that say that the machinery works. Equations: `docs/methods/revise.md`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from skelzero.clips import write_store
from skelzero.encoders import check_leak
from skelzero.methods import Revise
from skelzero.protocol.partitions import usual_partition
from skelzero.protocol.plan import open_source
from skelzero.protocol.splits import load_split
from skelzero.synthetic import generate, source
from skelzero.text import build_bank, load_class_set, load_text_encoder

parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
parser.add_argument("--data", type=Path, default=Path("synthetic"), help="clip store or features folder")
parser.add_argument("--split", default="random:10", help="such as 22/5, or random:N for N drawn unseen classes")
parser.add_argument("--encoder", default="kinematics", help="kinematics, or a network such as shift-gcn:small")
parser.add_argument("--steps", type=int, default=200, help="optimiser steps")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

if not args.data.exists():
    write_store(args.data, generate(subjects=5, replications=1), source=source(5, 1, 0))

# Which classes are unseen, and which recordings train.
data = open_source(args.data, {"encoder": args.encoder})
class_set = load_class_set(data.dataset)
split = load_split(class_set, args.split, seed=args.seed, codes=sorted(set(data.clips.codes.tolist())))
training = usual_partition(data.clips, data.dataset).train

# What is known of each class: vectors of two descriptions.
bank = build_bank(class_set, load_text_encoder("minilm"), ["action", "motion"])
seen = bank.take([class_set.index(code) for code in split.seen])
unseen = bank.take([class_set.index(code) for code in split.unseen])

# Features of all clips. An encoder sees training clips of seen classes only; a given one that saw more is refused.
clips = data.features(split.seen, training, args.seed)
check_leak(clips.card, unseen.classes)
fit = training & np.isin(clips.codes, split.seen)
test = ~training & np.isin(clips.codes, split.unseen)
labels = np.array([split.seen.index(code) for code in clips.codes[fit]])
truth = np.array([split.unseen.index(code) for code in clips.codes[test]])

method = Revise(steps=args.steps).fit(clips.features[fit], labels, seen, seed=args.seed)
first, last = method.diagnostics_["history"][0], method.diagnostics_["history"][-1]
print(f"loss {first['loss']:.2f} at first, {last['loss']:.2f} at last")

scores = method.scores(clips.features[test], unseen)
accuracy = (scores.argmax(axis=1) == truth).mean()
print(f"ReViSE: {accuracy:.1%} of {len(truth)} clips of {len(unseen)} unseen classes, chance {1 / len(unseen):.1%}")
