"""Training MSF's VAEs: draws, Adam over one buffer, cycles that are kept, and checkpoints.

All random numbers of a model come from generators seeded by (seed, block of steps), so one model draws the same whether
it is trained alone or beside others, and a training that was killed goes on to the same bits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from skelzero import journal
from skelzero.cards import replacing, sha256_array, sha256_of
from skelzero.errors import UserError
from skelzero.methods.base import Fitting
from skelzero.methods.msf.layers import Sizes, initial
from skelzero.methods.msf.schedule import weights_at
from skelzero.methods.msf.settings import MsfSettings
from skelzero.methods.msf.vae import Losses, TwinVae

BLOCK = 50
"""Steps whose random numbers are drawn together; checkpoints lie between blocks."""
BLOCKS_A_CHECKPOINT = 20
LAYOUT = 2
"""Of the parameters in a checkpoint's buffer: 1 had decoders the other way round, with biases of their own."""
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Draws:
    """Random numbers of one block of steps: rows (steps, R, B), and noise (steps, R, B, Z or 1) for clips and texts."""

    rows: Int[Tensor, "T R B"]
    clip_noise: Float[Tensor, "T R B Z"]
    text_noise: Float[Tensor, "T R B Z"]

    @classmethod
    def of(cls, seeds: Sequence[int], block: int, clips: int, settings: MsfSettings) -> Draws:
        """Each step's clips are drawn without replacement, anew each step: no step knows of another (as published)."""
        batch, width = min(settings.batch, clips), 1 if settings.noise == "shared" else settings.latent
        rows, noise = [], []
        for seed in seeds:
            rng = np.random.default_rng([seed, block])
            rows.append([rng.choice(clips, batch, replace=False) for _ in range(BLOCK)])
            noise.append(rng.standard_normal((2, BLOCK, batch, width), dtype=np.float32))
        both = torch.from_numpy(np.stack(noise, axis=2))  # (2, T, R, B, Z)
        return cls(torch.from_numpy(np.stack(rows, axis=1)), both[0], both[1])

    def batches(
        self, x: Float[Tensor, "N X"], y: Int[Tensor, " N"]
    ) -> Iterator[tuple[Float[Tensor, "R B X"], Int[Tensor, "R B"], Float[Tensor, "R B Z"], Float[Tensor, "R B Z"]]]:
        """Each step's clips, classes, and noise for clips and for texts."""
        classes = y[self.rows]
        for i, rows in enumerate(self.rows):
            # Rows of a flat index are copied as a whole, several times faster than by x[rows].
            taken = torch.index_select(x, 0, rows.flatten()).view(*rows.shape, x.shape[1])
            yield taken, classes[i], self.clip_noise[i], self.text_noise[i]


@dataclass
class Trained:
    """What a training gave.

    Attributes
    ----------
    cycles : list of float32 (R, n)
        Parameters after each cycle.
    history : list of dict
        Parts of the loss at the end of each cycle, means over models.
    """

    cycles: list[Float[Tensor, "R n"]] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    x: Float32[np.ndarray, "N X"], y: Int[np.ndarray, " N"], texts: Float32[np.ndarray, "K E"], settings: MsfSettings,
    seeds: Sequence[int], run: Fitting,
) -> Trained:  # fmt: skip
    """Train one model a seed, side by side.

    Raises
    ------
    UserError
        The loss stops being a number; the checkpoint of another training.
    """
    sizes = Sizes(x.shape[1], texts.shape[1], settings.latent)
    state = _State(torch.stack([initial(sizes, seed) for seed in seeds]))
    vae = TwinVae(state.buffer, sizes, torch.from_numpy(texts), decoder_relu=settings.decoder_relu)
    state.optimise(vae.gradient, settings.rate)
    store = _Store(run.folder, _key(x, y, texts, settings, seeds)) if run.folder else None
    trained, done = (store.restore(state) if store else None) or (Trained(), 0)
    for record in trained.history:
        _tell(record, settings.rate)
    clips, classes = torch.from_numpy(x), torch.from_numpy(y)
    a_cycle = settings.steps_a_cycle
    steps = a_cycle * (settings.cycle or settings.cycles)
    for block in range(done // BLOCK, math.ceil(steps / BLOCK)):
        batches = Draws.of(seeds, block, len(x), settings).batches(clips, classes)
        for step, batch in zip(range(block * BLOCK, min((block + 1) * BLOCK, steps)), batches, strict=False):
            weights = weights_at(step, settings)
            losses = vae.losses(*batch) if (step + 1) % a_cycle == 0 else None
            vae.step(*batch, weights)
            state.optimiser.step()
            if losses is not None:
                trained.cycles.append(state.buffer.clone())
                trained.history.append(_record(step + 1, losses, losses.total(weights)))
                _tell(trained.history[-1], settings.rate)
            if run.progress is not None:
                run.progress(step + 1, steps)
        if store and (block + 1) % BLOCKS_A_CHECKPOINT == 0:
            store.save(state, trained, (block + 1) * BLOCK)
    return trained


def _record(step: int, losses: Losses, total: Float[Tensor, " R"]) -> dict[str, float]:
    if not torch.isfinite(total).all():
        raise UserError("training diverged", where=f"step {step}", got=total.tolist(),
                        next_step="lower --set rate=..., or look for odd features")  # fmt: skip
    parts = {name: float(getattr(losses, name).mean()) for name in Losses.__dataclass_fields__}
    return {"step": float(step), "loss": float(total.mean()), **parts}


def _tell(record: dict[str, float], rate: float) -> None:
    """Note a record; its steps are those that were done, a note's is counted from 0."""
    values = {name: value for name, value in record.items() if name != "step"}
    journal.note("method", int(record["step"]) - 1, {**values, "rate": rate})


class _State:
    """Parameters and Adam's moments, each one buffer for all models."""

    def __init__(self, buffer: Float[Tensor, "R n"]) -> None:
        self.buffer = buffer

    def optimise(self, gradient: Float[Tensor, "R n"], rate: float) -> None:
        self.buffer.grad = gradient
        self.optimiser = torch.optim.Adam([self.buffer], lr=rate, fused=True)
        # Adam makes its moments at the first step; they are wanted before, to be filled from a checkpoint.
        self.moments = {"exp_avg": torch.zeros_like(gradient), "exp_avg_sq": torch.zeros_like(gradient)}
        self.optimiser.state[self.buffer] = {"step": torch.zeros(()), **self.moments}

    def tensors(self) -> dict[str, Tensor]:
        return {"buffer": self.buffer, **self.moments, "step": self.optimiser.state[self.buffer]["step"]}

    def fill(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self.tensors().items():
            tensor.copy_(tensors[name])


def _key(x: np.ndarray, y: np.ndarray, texts: np.ndarray, settings: MsfSettings, seeds: Sequence[int]) -> str:
    facts = settings.model_dump(
        mode="json", exclude={"kinds", "relu", "samples", "classifier_steps", "classifier_rate"}
    )
    return sha256_of([LAYOUT, facts, list(seeds), *(sha256_array(a) for a in (x, y, texts))])


def _sha256(tensors: dict[str, Tensor]) -> str:
    return sha256_of({name: sha256_array(tensor.numpy()) for name, tensor in tensors.items()})


class _Store:
    """One file that is replaced as a whole: a kill leaves the old one or the new one."""

    def __init__(self, folder: Path, key: str) -> None:
        self.path, self.key = folder / CHECKPOINT, key

    def save(self, state: _State, trained: Trained, done: int) -> None:
        cycles = {f"cycle-{i}": tensor for i, tensor in enumerate(trained.cycles)}
        tensors = {**state.tensors(), **cycles}
        facts = {"key": self.key, "done": str(done), "history": json.dumps(trained.history), "sha256": _sha256(tensors)}
        with replacing(self.path) as new:
            save_file(tensors, new, metadata=facts)

    def restore(self, state: _State) -> tuple[Trained, int] | None:
        """Fill the state; None where there is no checkpoint."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                facts: dict[str, str] = file.metadata() or {}
                tensors: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if facts.get("key") != self.key:
                raise UserError("the checkpoint of another training lies here", where=self.path,
                                next_step="delete it, or give another folder")  # fmt: skip
            if facts.get("sha256", "") not in ("", _sha256(tensors)):
                raise ValueError("its checksum is wrong")
            state.fill(tensors)
            cycles = [tensors[f"cycle-{i}"] for i in range(len(tensors) - len(state.tensors()))]
            return Trained(cycles, json.loads(facts["history"])), int(facts["done"])
        except (SafetensorError, KeyError, ValueError, OSError, RuntimeError) as error:
            raise UserError("this checkpoint cannot be read", where=self.path, got=f"{type(error).__name__}: {error}",
                            next_step="delete it; training starts anew") from error  # fmt: skip
