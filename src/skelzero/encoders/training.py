"""Training an encoder by cross-entropy on the given classes, on any device, resumable to the same weights.

Every step draws its clips and their changes from a generator of its own, seeded by (seed, step). There is no random
state to save: a run that was killed and goes on from a checkpoint ends in the same bits as an undisturbed one.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from skelzero import journal
from skelzero.cards import sha256_array, sha256_of
from skelzero.encoders.augmentation import augment, mirror_order
from skelzero.encoders.base import ENCODERS, SkeletonEncoder
from skelzero.encoders.checkpoint import Checkpoint
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.memory import reused_memory
from skelzero.encoders.objective import backward
from skelzero.encoders.settings import TrainSettings
from skelzero.encoders.trained import (
    LOSSES,
    PART,
    WEIGHTS,
    TrainedEncoder,
    make_card,
    read_losses,
    require_finite,
    write_losses,
)
from skelzero.errors import UserError
from skelzero.journal import Note
from skelzero.preprocess import Prepared

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """All that a training depends on, ready to be sent to other processes."""

    x: Float[Tensor, "N C T V M"]
    y: Int[Tensor, " N"]
    graph: SkeletonGraph
    mirror: Int[Tensor, " V"]
    classes: tuple[str, ...]
    settings: TrainSettings
    key: str
    """SHA-256 of data, classes and settings: a checkpoint of another job is not gone on with."""
    anchors: Float[Tensor, "K E"] | None = None
    """Vectors of the classes, for an encoder that is aligned to them."""


def train_encoder(
    prepared: Prepared,
    class_codes: Sequence[str],
    settings: TrainSettings,
    *,
    anchors: Float[np.ndarray, "K E"] | None = None,
    checkpoint_folder: Path | None = None,
    progress: Progress | None = None,
) -> TrainedEncoder:
    """Train an encoder on the clips of some classes and on nothing else.

    Parameters
    ----------
    prepared : Prepared
        Training clips. Those of other classes are left out.
    class_codes : sequence of str
        Codes (`a5`), or `dataset:code` where the clips are of several data sets.
    settings : TrainSettings
        With `contrast` set, the encoder is aligned to class vectors.
    anchors : float (K, E), optional
        These vectors, in the order of `class_codes`.
    checkpoint_folder : Path, optional
        Where to save now and then, and where to go on from.
    progress : callable (done, total), optional

    Raises
    ------
    UserError
        Unknown encoder, a class without clips, NaN in the clips, frames or joints that do not fit.
    """
    job = make_job(prepared, class_codes, settings, anchors)
    model = new_model(job)
    with reused_memory():
        outcome = launch(job, checkpoint_folder, progress)
    model.load_state_dict(outcome.weights)
    card = make_card(
        prepared, settings.encoder, job.classes, clips=len(job.y), data_key=prepared.key, seed=settings.seed,
        adapter=0 if job.anchors is None else job.anchors.shape[1], steps=job.settings.steps,
        settings=settings.model_dump(mode="json"),
    )  # fmt: skip
    return TrainedEncoder(model.eval(), card, outcome.losses)


def class_keys(prepared: Prepared, class_codes: Sequence[str]) -> tuple[str, ...]:
    """The classes as `dataset:code`, in the given order."""
    datasets = sorted({str(d) for d in prepared.datasets})
    if len(datasets) != 1 and not all(":" in code for code in class_codes):
        raise UserError("clips of several data sets: say which class is whose", got=", ".join(datasets),
                        expected="class codes as dataset:code")  # fmt: skip
    keys = tuple(code if ":" in code else f"{datasets[0]}:{code}" for code in class_codes)
    if len(set(keys)) != len(keys) or len(keys) < 2:
        raise UserError("an encoder is trained on at least two different classes", got=", ".join(keys) or "none")
    return keys


def make_job(
    prepared: Prepared, class_codes: Sequence[str], settings: TrainSettings,
    anchors: Float[np.ndarray, "K E"] | None = None,
) -> Job:  # fmt: skip
    """Pick the classes' clips and check them once."""
    vectors = _checked_anchors(anchors, len(class_codes), settings)
    classes = class_keys(prepared, class_codes)
    number = {key: k for k, key in enumerate(classes)}
    keys = [f"{d}:{c}" for d, c in zip(prepared.datasets, prepared.codes, strict=True)]
    rows = np.array([i for i, key in enumerate(keys) if key in number], dtype=np.int64)
    y = np.array([number[keys[i]] for i in rows], dtype=np.int64)
    missing = sorted(set(classes) - {keys[i] for i in rows})
    if missing:
        raise UserError("classes without a training clip", got=", ".join(missing),
                        next_step="check the split against the data set and its training subjects")  # fmt: skip
    x = require_finite(torch.from_numpy(np.array(prepared.data[rows], dtype=np.float32)))
    graph = SkeletonGraph.from_layout(prepared.layout)
    facts = [settings.key, list(classes), prepared.key]
    key = sha256_of(facts if vectors is None else [*facts, sha256_array(vectors.numpy())])
    mirror = mirror_order(graph, prepared.layout.mirror)
    job = Job(x, torch.from_numpy(y), graph, mirror, classes, settings.for_clips(len(y)), key, vectors)
    new_model(job).check_shape(x[:1])
    return job


def _checked_anchors(
    anchors: Float[np.ndarray, "K E"] | None, classes: int, settings: TrainSettings
) -> Float[Tensor, "K E"] | None:  # fmt: skip
    """Class vectors as a tensor, or None for a classifier."""
    if settings.contrast is None:
        assert anchors is None, "class vectors need settings.contrast"
        return None
    if anchors is None or np.ndim(anchors) != 2 or len(anchors) != classes or not np.isfinite(anchors).all():
        got = "none" if anchors is None else np.shape(anchors)
        raise UserError("an encoder cannot be aligned without a finite vector for each class", got=got,
                        expected=f"({classes}, width)")  # fmt: skip
    return torch.from_numpy(np.array(anchors, dtype=np.float32))


def new_model(job: Job) -> SkeletonEncoder:
    """The untrained encoder, its weights drawn by the seed."""
    build, contrast = ENCODERS[job.settings.encoder].build, job.settings.contrast
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.settings.seed)
        if job.anchors is None or contrast is None:
            return build(job.graph, len(job.classes), persons=job.x.shape[4])
        model = build(job.graph, job.anchors.shape[1], persons=job.x.shape[4])
    model.align_to(job.anchors, contrast.scale, learn_scale=contrast.learn_scale)
    return model


@dataclass(frozen=True)
class Outcome:
    """What a training leaves: the weights, on the CPU, and the losses on the way."""

    weights: dict[str, Tensor]
    losses: tuple[Note, ...]


def launch(job: Job, folder: Path | None, progress: Progress | None) -> Outcome:
    """Train on the devices that the settings ask for."""
    from lightning_fabric import Fabric
    from safetensors.torch import load_file

    settings = job.settings
    if settings.batch % settings.devices:
        raise UserError("the batch cannot be shared evenly", got=f"{settings.batch} clips, {settings.devices} devices")
    # One device needs no other process; several are spawned, since this may be called from any program.
    strategy = "auto" if settings.devices == 1 else "ddp_spawn"
    fabric: Any = Fabric(
        accelerator=settings.accelerator, devices=settings.devices, precision=settings.precision, strategy=strategy
    )
    # The job travels inside the function: Fabric looks into arguments, and stumbles over frozen dataclasses.
    if settings.devices == 1:
        outcome: Outcome = fabric.launch(partial(run_job, job=job, folder=folder, progress=progress))
        return outcome
    with tempfile.TemporaryDirectory() as scratch:
        # What comes back is in files: the launcher reads its pipe only after the processes that fill it have ended.
        kept = Path(scratch)
        fabric.launch(partial(run_and_keep, job=job, folder=folder, kept=kept))
        outcome = Outcome(load_file(kept / WEIGHTS), read_losses(kept / LOSSES))
    journal.replay(outcome.losses)
    return outcome


def run_and_keep(fabric: Any, job: Job, folder: Path | None, kept: Path) -> None:
    """What each of several processes runs; neither a progress bar nor a journal can follow into them."""
    from safetensors.torch import save_file

    outcome = run_job(fabric, job, folder, None)
    if fabric.is_global_zero:
        save_file(outcome.weights, kept / WEIGHTS)
        write_losses(kept / LOSSES, outcome.losses)


def run_job(fabric: Any, job: Job, folder: Path | None, progress: Progress | None) -> Outcome:
    """The loop; runs once in each process."""
    settings = job.settings
    bare = new_model(job)
    model, optimizer = fabric.setup(bare, make_optimizer(bare, settings))
    checkpoint = Checkpoint(folder, job.key) if folder is not None else None
    done = checkpoint.restore(bare, optimizer) if checkpoint else 0
    losses = checkpoint.losses if checkpoint else []
    journal.replay(losses if fabric.is_global_zero else [])
    x, y = fabric.to_device(job.x), fabric.to_device(job.y)
    model.train()
    for step in range(done, settings.steps):
        loss = train_step(fabric, model, optimizer, job, x, y, step)
        if journal.worth_noting(step, settings.steps):
            losses.append(Note(PART, step, {"loss": float(loss), "rate": optimizer.param_groups[0]["lr"]}))
            if fabric.is_global_zero:
                journal.replay(losses[-1:])
        due = (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps
        if due and not math.isfinite(float(loss)):
            raise RuntimeError(f"training diverged at step {step + 1}: try a lower rate")
        if due and checkpoint and fabric.is_global_zero:
            checkpoint.save(bare, optimizer, step + 1)
        if progress is not None:
            progress(step + 1, settings.steps)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in bare.state_dict().items()}
    return Outcome(weights, tuple(losses))


def train_step(
    fabric: Any, model: nn.Module, optimizer: torch.optim.Optimizer, job: Job, x: Tensor, y: Tensor, step: int
) -> Float[Tensor, ""]:
    """One step; with several devices each takes its share of the same batch."""
    settings = job.settings
    generator = torch.Generator().manual_seed(step_seed(settings.seed, step))
    epoch = settings.steps_an_epoch(len(y)) if settings.epochs else None
    rows = batch_rows(len(y), settings.batch, settings.seed, step, epoch).to(y.device)
    clips = augment(x[rows], settings.augmentation, generator, job.mirror)
    share = slice(fabric.global_rank, None, fabric.world_size)
    for group in optimizer.param_groups:
        group["lr"] = settings.rate_at(step)
    optimizer.zero_grad(set_to_none=True)
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
        # Dropout draws from the global generator.
        seed = step_seed(settings.seed, step) + fabric.global_rank
        loss = backward(fabric, model, clips[share], y[rows][share], settings, seed)
    if fabric.world_size > 1:
        loss = fabric.all_reduce(loss, reduce_op="mean")  # of the whole batch, so that all stop together if it diverges
    optimizer.step()
    return loss


def make_optimizer(model: SkeletonEncoder, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW that decays matrices only, or SGD that decays everything."""
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if settings.optimiser == "sgd":
        return torch.optim.SGD(
            learned.values(), lr=settings.rate, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    decayed = [p for name, p in learned.items() if p.ndim > 1 and not name.endswith("mask")]
    chosen = {id(p) for p in decayed}
    others = [p for p in learned.values() if id(p) not in chosen]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.rate)


def step_seed(seed: int, step: int) -> int:
    """A seed for one step, unrelated to those of other steps and other seeds."""
    return int(np.random.SeedSequence([seed, step, 1]).generate_state(1, np.uint64)[0] >> 2)


def batch_rows(clips: int, batch: int, seed: int, step: int, steps_an_epoch: int | None = None) -> Int[Tensor, " B"]:
    """The clips of a step: every clip once an epoch, in an order of that epoch's own.

    Batches run across epochs, unless an epoch has a fixed number of steps: then what does not fill a batch is dropped.
    """
    if steps_an_epoch is not None:
        epoch, place = divmod(step, steps_an_epoch)
        return torch.from_numpy(_order(clips, seed, epoch)[place * batch : (place + 1) * batch].copy())
    places = np.arange(step * batch, (step + 1) * batch)
    orders = {int(epoch): _order(clips, seed, int(epoch)) for epoch in places // clips}
    return torch.tensor([orders[int(p // clips)][p % clips] for p in places])


@lru_cache(maxsize=2)
def _order(clips: int, seed: int, epoch: int) -> Int[np.ndarray, " N"]:
    """The order of an epoch, kept while it lasts: drawn anew at each step, it would make epochs quadratic in clips."""
    order: Int[np.ndarray, " N"] = np.random.default_rng([seed, epoch]).permutation(clips)
    order.flags.writeable = False
    return order
