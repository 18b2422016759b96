"""From any source to a clip store: parallel, resumable at any moment, and the same bytes however it went.

The sources are cut into parts of a fixed number of files. Each part is a small store of its own in `STORE.partial/`,
which appears whole or not at all; the store is put together from the parts in the order of the sources' names. So the
number of workers, a kill, and the order in which an archive is read leave no trace in the result.
"""

from __future__ import annotations

import csv
import itertools
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from skelzero import __version__
from skelzero.cards import CARD, read_json, sha256_of, staged_folder, write_json
from skelzero.clips import Clip, ClipStore, StoreWriter
from skelzero.errors import UserError
from skelzero.readers.archive import iter_sources, list_sources
from skelzero.readers.base import READERS, Source
from skelzero.readers.reading import AUTO, NO_READER, clips_of

PART_FILES = 64
SKIPPED = "skipped.csv"
SMALL_BYTES = 150 << 20

Progress = Callable[[int, int], None]
Numbered = tuple[int, Source]


@dataclass(frozen=True)
class ImportReport:
    """What came of an import."""

    clips: int
    skipped: int
    seconds: float


def import_clips(
    src: Path | str,
    out: Path | str,
    *,
    format: str = AUTO,
    workers: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Read every recording of a file, folder or archive into a new store.

    Parameters
    ----------
    src : path
    out : path
        The store; `out.partial` holds finished parts until it is complete, and a second call goes on from there.
    format : str
        A reader's name, or `auto`.
    workers : int
        Processes; 0 takes one a core for large sources and only this one for small.
    overwrite : bool
        Replace a store that lies at `out`.
    progress : callable (files done, files), optional

    Raises
    ------
    UserError
        Nothing readable, a store in the way, a wrong format name.
    """
    begin = time.perf_counter()
    src, out = Path(src), Path(out)
    if format != AUTO:
        READERS[format]  # a wrong name is told before anything is read
    if out.exists() and not overwrite:
        raise UserError("the output exists already", where=out, next_step="give another path or pass --overwrite")
    sources = list_sources(src)
    partial = out.with_name(out.name + ".partial")
    _open_partial(partial, _fingerprint(src, sources, format))
    _fill(partial, src, sources, format, workers or _fitting_workers(sources), progress)
    clips, skipped = _assemble(partial, out, len(sources), src.name, overwrite)
    shutil.rmtree(partial, ignore_errors=True)
    return ImportReport(clips, skipped, time.perf_counter() - begin)


def _fitting_workers(sources: list[Source]) -> int:
    """One a core, but none besides this process for what it reads in the time that starting others would take."""
    return multiprocessing.cpu_count() if sum(source.size for source in sources) > SMALL_BYTES else 1


def _fingerprint(src: Path, sources: list[Source], format: str) -> str:
    """Changes whenever parts made before would no longer be those of this import."""
    stamps = {source.path: source.path.stat().st_mtime_ns for source in sources}
    files = [(s.name, s.size, stamps[s.path]) for s in sources]
    return sha256_of([src.name, files, format, PART_FILES, __version__])


def _open_partial(partial: Path, fingerprint: str) -> None:
    card = partial / CARD
    if card.is_file():
        if read_json(card, what="unfinished import").get("fingerprint") == fingerprint:
            return
        shutil.rmtree(partial)
    write_json(card, {"fingerprint": fingerprint})


def _part(partial: Path, number: int) -> Path:
    return partial / f"part-{number:06d}"


def _fill(
    partial: Path, src: Path, sources: list[Source], format: str, workers: int, progress: Progress | None
) -> None:  # fmt: skip
    """Make the parts that are missing."""
    parts = -(-len(sources) // PART_FILES)
    missing = {number for number in range(parts) if not (_part(partial, number) / CARD).is_file()}
    number_of = {source.name: i for i, source in enumerate(sources)}
    wanted = [source for i, source in enumerate(sources) if i // PART_FILES in missing]
    done = len(sources) - len(wanted)
    if progress is not None:
        progress(done, len(sources))
    jobs = _jobs(partial, ((number_of[s.name], s) for s in iter_sources(src, wanted)), sources, missing, format)
    for files in _run(jobs, min(workers, max(1, len(missing)))):
        done += files
        if progress is not None:
            progress(done, len(sources))


@dataclass(frozen=True)
class _Job:
    folder: Path
    files: list[Numbered]
    format: str


def _jobs(
    partial: Path, stream: Iterable[Numbered], sources: list[Source], missing: set[int], format: str
) -> Iterator[_Job]:  # fmt: skip
    """Collect the stream, whatever its order, into whole parts."""
    size = {n: min(PART_FILES, len(sources) - n * PART_FILES) for n in missing}
    waiting: dict[int, list[Numbered]] = {}
    for number, source in stream:
        part = number // PART_FILES
        files = waiting.setdefault(part, [])
        files.append((number, source))
        if len(files) == size[part]:
            yield _Job(_part(partial, part), sorted(waiting.pop(part), key=lambda f: f[0]), format)


def _run(jobs: Iterator[_Job], workers: int) -> Iterator[int]:
    """Do the jobs, at most two a worker in flight, so that an archive's bytes do not pile up in memory."""
    if workers <= 1:
        yield from map(_make_part, jobs)
        return
    # Spawned, not forked: a fork of a process with threads (torch, a progress bar) can hang.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    flying: set[Future[int]] = set()
    try:
        for job in itertools.chain(jobs, (None,)):
            if job is not None:
                flying.add(pool.submit(_make_part, job))
            while flying and (job is None or len(flying) >= 2 * workers):
                finished, flying = wait(flying, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
    except BrokenProcessPool as error:
        hint = "run the same command again, it goes on where it stopped; or use fewer --workers"
        raise UserError("a worker process was killed (out of memory?)", next_step=hint) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _make_part(job: _Job) -> int:
    """Read a part's files into one store for each kind of clip (layout and unit) among them."""
    order: list[tuple[int, int]] = []
    skipped: list[tuple[int, str, str]] = []
    with staged_folder(job.folder, replace=True) as stage:
        with ExitStack() as stack:
            writers: dict[tuple[str, str], tuple[int, StoreWriter]] = {}
            for number, source in job.files:
                for item in clips_of(source, job.format):
                    if not isinstance(item, Clip):
                        skipped.append((number, item.name, item.reason))
                        continue
                    kind = (item.layout.checksum, item.unit)
                    if kind not in writers:
                        writer = StoreWriter(stage / f"kind-{len(writers)}", source=job.folder.name)
                        writers[kind] = (len(writers), stack.enter_context(writer))
                    writers[kind][1].add(item)
                    order.append((number, writers[kind][0]))
        write_json(stage / CARD, {"order": order, "skipped": skipped})
    return len(job.files)


def _assemble(partial: Path, out: Path, files: int, source: str, overwrite: bool) -> tuple[int, int]:
    """Put the parts together in the order of the sources."""
    skipped: list[tuple[str, str]] = []
    with StoreWriter(out, source=source, overwrite=overwrite) as writer:
        for number in range(-(-files // PART_FILES)):
            folder = _part(partial, number)
            card = read_json(folder / CARD, what="part of an import")
            skipped += [(name, reason) for _, name, reason in card["skipped"]]
            for clip in _clips_of_part(folder, card["order"]):
                try:
                    writer.add(clip)
                except UserError as error:
                    skipped.append((clip.origin.file or clip.origin.name, error.one_line()))
        if not writer.clips:
            raise _nothing(source, skipped)
        with (writer.folder / SKIPPED).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("name", "reason"), *skipped])
        clips = writer.clips
    return clips, len(skipped)


def _clips_of_part(folder: Path, order: list[tuple[int, int]]) -> Iterator[Clip]:
    stores = {kind: iter(ClipStore.open(folder / f"kind-{kind}")) for kind in {kind for _, kind in order}}
    for _, kind in order:
        yield next(stores[kind])


def _nothing(source: str, skipped: list[tuple[str, str]]) -> UserError:
    known = ", ".join(sorted(READERS))
    broken = [item for item in skipped if item[1] != NO_READER]
    got = f"{len(skipped)} files without a clip"
    if broken:
        got += f"; {broken[0][0]}: {broken[0][1]}"
    return UserError("no clip found", where=source, got=got, expected=f"files of one of these formats: {known}",
                     next_step="name the format with --format, or mend the files")  # fmt: skip
