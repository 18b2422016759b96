"""Whole stores made ready for an encoder: one array in the encoder's axis order, computed once and memory-mapped."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from skelzero.cards import CARD, read_json, sha256_of, staged_folder, write_json
from skelzero.clips import Clip, ClipStore, JointLayout, Origin
from skelzero.errors import UserError
from skelzero.grid import Crew, in_order
from skelzero.preprocess.cache import cache_folder
from skelzero.preprocess.pipeline import PIPELINES, Pipeline

PIECE = 64
"""Clips that are prepared by one job."""
TABLE = ("names", "codes", "datasets", "subjects", "cameras", "setups", "replications")


@dataclass(frozen=True)
class Prepared:
    """Clips after a pipeline, stacked.

    Attributes
    ----------
    data : float32 (N, C, T, V, M)
        Clip, coordinate, frame, joint, body: the encoders' axis order. M is the most people in any clip.
    names, codes, datasets : str (N,)
    subjects, cameras, setups, replications : int (N,)
    layout : JointLayout
        Of `data`, after the pipeline.
    pipeline, history, store_checksum
        Provenance: methods refuse clips prepared otherwise than their training clips.
    skipped : tuple of (name, reason)
        Clips that the pipeline could not prepare.
    """

    data: Float32[np.ndarray, "N C T V M"]
    names: np.ndarray
    codes: np.ndarray
    datasets: np.ndarray
    subjects: Int[np.ndarray, " N"]
    cameras: Int[np.ndarray, " N"]
    setups: Int[np.ndarray, " N"]
    replications: Int[np.ndarray, " N"]
    layout: JointLayout
    pipeline: str
    history: tuple[str, ...]
    store_checksum: str
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.data)

    @property
    def persons(self) -> int:
        return self.data.shape[-1]

    @property
    def key(self) -> str:
        """SHA-256 of what these clips are: store, pipeline, and which clips of it."""
        history = list(self.history)
        return sha256_of([self.store_checksum, self.pipeline, history, self.persons, [str(n) for n in self.names]])

    def take(self, rows: np.ndarray) -> Prepared:
        """The clips of some rows (boolean mask or indices), in that order."""
        chosen = {name: getattr(self, name)[rows] for name in ("data", *TABLE)}
        return replace(self, **chosen, skipped=())


def prepare(
    store: ClipStore, pipeline: Pipeline, *, progress: Callable[[int, int], None] | None = None, cache: bool = True,
    crew: Crew | None = None,
) -> Prepared:  # fmt: skip
    """Run a pipeline over a store; the second time the result is memory-mapped from the cache.

    Parameters
    ----------
    store : ClipStore
    pipeline : Pipeline
    progress : callable (done, total), optional
    cache : bool
        Keep the result under `cache_folder("prepared")`.
    crew : Crew, optional
        Workers that see the store's path as well; by default this process does it all. The pipeline is then a
        registered one.

    Raises
    ------
    UserError
        No clip of the store can be prepared.
    """
    key = sha256_of([store.checksum, pipeline.name, pipeline.version, pipeline.frames, pipeline.max_persons])
    folder = cache_folder("prepared") / key
    if cache and (folder / CARD).is_file():
        return _load(folder)
    prepared = _run(store, pipeline, progress, crew)
    if cache:
        _save(prepared, folder)
    return prepared


def prepare_clips(clips: list[Clip], pipeline: Pipeline) -> Prepared:
    """The same for clips in memory, as the recogniser has them; nothing is cached and every failure is raised."""
    done = [pipeline.run(clip) for clip in clips]
    return _stack(done, [clip.origin for clip in clips], pipeline, store_checksum="", skipped=())


Piece = tuple[list[Clip], list[Origin], list[tuple[str, str]]]
"""Prepared clips, where they come from, and what could not be prepared."""


def _run(
    store: ClipStore, pipeline: Pipeline, progress: Callable[[int, int], None] | None, crew: Crew | None
) -> Prepared:  # fmt: skip
    done: list[Clip] = []
    origins: list[Origin] = []
    skipped: list[tuple[str, str]] = []
    jobs = [(store.path, pipeline.name, start, min(start + PIECE, len(store))) for start in range(0, len(store), PIECE)]
    work = _prepare_piece if crew else lambda job: _prepare_rows(store, pipeline, *job[2:])
    for (_, _, _, stop), piece in zip(jobs, in_order(crew, work, jobs), strict=True):
        done += piece[0]
        origins += piece[1]
        skipped += piece[2]
        if progress is not None:
            progress(stop, len(store))
    if not done:
        reason = skipped[0][1] if skipped else "the store is empty"
        raise UserError(f"no clip can be prepared by {pipeline.name}", where=store.path, got=reason)
    return _stack(done, origins, pipeline, store.checksum, tuple(skipped))


def _prepare_piece(job: tuple[Path, str, int, int]) -> Piece:
    """In a worker: some clips of a store."""
    path, name, start, stop = job
    return _prepare_rows(ClipStore.open(path), PIPELINES[name], start, stop)


def _prepare_rows(store: ClipStore, pipeline: Pipeline, start: int, stop: int) -> Piece:
    done, origins, skipped = [], [], []
    for i in range(start, stop):
        try:
            clip = store[i]
            with warnings.catch_warnings():
                # Means over frames in which a joint is missing throughout are expected to be NaN.
                warnings.simplefilter("ignore", RuntimeWarning)
                done.append(pipeline.run(clip))
            origins.append(clip.origin)
        except UserError as error:
            skipped.append((str(store.names[i]), error.one_line()))
    return done, origins, skipped


def _stack(
    clips: list[Clip],
    origins: list[Origin],
    pipeline: Pipeline,
    store_checksum: str,
    skipped: tuple[tuple[str, str], ...],
) -> Prepared:
    persons = max(clip.persons for clip in clips)
    first = clips[0]
    N, T, V, C = len(clips), pipeline.frames, len(first.layout), first.layout.dims
    data = np.zeros((N, C, T, V, persons), dtype=np.float32)
    for row, clip in enumerate(clips):
        data[row, ..., : clip.persons] = clip.positions.transpose(3, 1, 2, 0)
    text = {f"{k}s": np.array([getattr(o, k) for o in origins]) for k in ("name", "code", "dataset")}
    numbers = {f"{k}s": np.array([getattr(o, k) for o in origins], dtype=np.int64)
               for k in ("subject", "camera", "setup", "replication")}  # fmt: skip
    # Clips of one store may differ in whether a step had anything to do; the pipeline's own history is the longest.
    history = max((clip.history for clip in clips), key=len)
    return Prepared(data, **text, **numbers, layout=first.layout, pipeline=pipeline.name, history=history,
                    store_checksum=store_checksum, skipped=skipped)  # fmt: skip


def _save(prepared: Prepared, folder: Path) -> None:
    # Two processes may prepare the same store at once; whoever finishes last replaces equal content.
    with staged_folder(folder, replace=True) as stage:
        np.save(stage / "data.npy", prepared.data)
        np.savez(stage / "table.npz", **{name: getattr(prepared, name) for name in TABLE})  # type: ignore[arg-type]
        kept = {f.name for f in fields(prepared)} - {"data", "layout", *TABLE}
        write_json(stage / CARD, {"layout": prepared.layout.to_json(), **{k: getattr(prepared, k) for k in kept}})


def _load(folder: Path) -> Prepared:
    card = read_json(folder / CARD)
    with np.load(folder / "table.npz", allow_pickle=False) as table:
        columns = {name: table[name] for name in TABLE}
    return Prepared(
        np.load(folder / "data.npy", mmap_mode="r"), **columns,
        layout=JointLayout.from_json(card["layout"], where=folder), pipeline=card["pipeline"],
        history=tuple(card["history"]), store_checksum=card["store_checksum"],
        skipped=tuple((name, reason) for name, reason in card["skipped"]),
    )  # fmt: skip
