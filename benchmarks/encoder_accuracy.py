"""What a skeleton encoder reaches on all classes by the usual protocol: seen-class accuracy, mean over seeds.

`python benchmarks/encoder_accuracy.py STORE [STORE ...] [--encoder shift-gcn:small] [--seeds 5] [--json FILE]`, with
stores made by `skelzero data import`. The encoder is trained on the training clips of every class and judged by the
test clips (UTD-MHAD and MSR-Action3D: odd subjects train; NW-UCLA: views 1 and 2 train). Settings are the defaults;
nothing is chosen by the test clips.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from skelzero.clips import ClipStore
from skelzero.encoders import TrainSettings, train_encoder
from skelzero.preprocess import PIPELINES, default_pipeline, prepare
from skelzero.protocol.partitions import usual_partition


def judge(path: Path, settings: TrainSettings, seeds: int, pipeline: str) -> dict[str, object]:
    """Test accuracy of each seed and the processor seconds of one training."""
    store = ClipStore.open(path)
    prepared = prepare(store, PIPELINES[pipeline] if pipeline else default_pipeline(store.layout))
    dataset = str(prepared.datasets[0])
    train = usual_partition(prepared, dataset).train
    classes = sorted({str(code) for code in prepared.codes})
    found, seconds = [], []
    for seed in range(seeds):
        begin = time.process_time()
        trained = train_encoder(prepared.take(train), classes, settings.model_copy(update={"seed": seed}))
        seconds.append(time.process_time() - begin)
        found.append(trained.encode(prepared.take(~train)).top1() or 0.0)
        print(f"{dataset} seed {seed}: {found[-1]:.4f} in {seconds[-1]:.1f} s of processor time", flush=True)
    return {
        "dataset": dataset, "clips_train": int(train.sum()), "clips_test": int((~train).sum()), "top1": found,
        "mean": float(np.mean(found)), "sd": float(np.std(found, ddof=1)) if seeds > 1 else None,
        "cpu_seconds_median": float(np.median(seconds)), "pipeline": prepared.pipeline,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stores", type=Path, nargs="+")
    parser.add_argument("--encoder", default="shift-gcn:small")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pipeline", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    chosen = {"steps": options.steps, "batch": options.batch}
    settings = TrainSettings(encoder=options.encoder, **{k: v for k, v in chosen.items() if v})
    results = [judge(path, settings, options.seeds, options.pipeline) for path in options.stores]
    for result in results:
        print(f"{result['dataset']:<14} {result['mean']:.4f} +- {result['sd'] or 0:.4f}")
    if options.json:
        options.json.write_text(
            json.dumps({"settings": settings.model_dump(mode="json"), "results": results}, indent=2)
        )


if __name__ == "__main__":
    main()
