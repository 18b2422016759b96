"""Train the model that ships in the package: SCALE on all classes of synthetic motion, nothing else.

Run as `python benchmarks/train_default_model.py`; equal seeds give equal motion, and the same weights on one machine.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

from skelzero.clips import write_store
from skelzero.protocol.plan import Request, plan_one
from skelzero.protocol.run import Run
from skelzero.protocol.training import train_run
from skelzero.synthetic import generate, source

MODEL = Path(__file__).resolve().parents[1] / "src" / "skelzero" / "recognize" / "model"
SUBJECTS, REPLICATIONS, SEED = 8, 2, 0


def train(folder: Path) -> Run:
    """Make the motion, train, and leave out what recognition does not need and what names this machine."""
    described = source(SUBJECTS, REPLICATIONS, SEED)
    store = write_store(folder / "synthetic", generate(None, SUBJECTS, REPLICATIONS, SEED), source=described)
    request = Request(methods=["scale"], data=store.path, splits=["all"], pipeline="common-64")
    return slim(train_run(plan_one(request, SEED)), described)


def slim(run: Run, described: str) -> Run:
    """The run without token states of its own words (8 MB): users bring theirs."""
    return replace(run, card=run.card.model_copy(update={"data": described}), bank=run.bank.take([0]))


def main() -> None:
    """Write the model folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=MODEL)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = train(Path(folder))
    run.save(arguments.out, replace=True)
    print(f"wrote {arguments.out}: calibration error {run.card.calibration.error:.3f}")


if __name__ == "__main__":
    main()
