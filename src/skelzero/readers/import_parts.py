"""Parts of an import: a few files read into small stores that appear whole or not at all, and put together at the end.

A part is cut by the files' sizes in the order in which they are read fastest, never by time or worker, so an import
always has the same parts. The finished store is in the order of the files' names, whatever the parts were.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from skelzero.cards import CARD, read_json, staged_folder, write_json
from skelzero.clips import Clip, ClipStore, StoreWriter
from skelzero.clips.store_card import plain_text
from skelzero.errors import UserError
from skelzero.readers.base import Skipped, Source
from skelzero.readers.reading import clips_of
from skelzero.readers.tar_archive import TarMember

PART_FILES = 64
PART_BYTES = 16 << 20
"""An archive's bytes wait in memory until their part is complete; two parts a worker are in flight."""
OPEN_STORES = 256
"""Stores of parts held open while the clips are put together; each takes up to three memory maps."""


@dataclass(frozen=True)
class Job:
    """One part to make: its folder, its files with their numbers in the order of names, and the format."""

    folder: Path
    files: tuple[tuple[int, Source], ...]
    format: str


@dataclass(frozen=True, order=True)
class Run:
    """`count` clips of file `number` that lie one after another in a part's store `kind`, from `start` on."""

    number: int
    part: int
    place: int
    kind: int
    start: int
    count: int


def plan(sources: Sequence[Source]) -> list[list[int]]:
    """Cut the files into parts: lists of their numbers.

    Members of a packed tar are taken in the archive's order; otherwise whole archives would wait in memory for the
    first part's last file.
    """
    order = sorted(range(len(sources)), key=lambda i: _place(sources[i]))
    parts: list[list[int]] = []
    room = 0
    for i in order:
        room -= sources[i].size
        if not parts or room < 0 or len(parts[-1]) == PART_FILES:
            parts.append([])
            room = PART_BYTES - sources[i].size
        parts[-1].append(i)
    return parts


def _place(source: Source) -> int:
    return source.offset if isinstance(source, TarMember) and source.packed else -1


def collect(
    stream: Iterable[tuple[int, Source]], parts: Sequence[Sequence[int]], folders: dict[int, Path], format: str
) -> Iterator[Job]:
    """Jobs for the parts in `folders`, each as soon as the stream has given its last file."""
    part_of = {i: part for part in folders for i in parts[part]}
    waiting: dict[int, list[tuple[int, Source]]] = {}
    for number, source in stream:
        part = part_of[number]
        files = waiting.setdefault(part, [])
        files.append((number, source))
        if len(files) == len(parts[part]):
            del waiting[part]
            yield Job(folders[part], tuple(sorted(files, key=lambda file: file[0])), format)


def make_part(job: Job) -> int:
    """Read a part's files into one store for each kind of clip (layout, unit, history) among them.

    Returns
    -------
    int
        How many files were read.

    Raises
    ------
    UserError
        A file vanished: going on would skip all that are still to come.
    OSError
        The part cannot be written.
    """
    runs: list[list[int]] = []
    skipped: list[tuple[int, str, str]] = []
    with staged_folder(job.folder, replace=True) as stage:
        with ExitStack() as stack:
            writers: dict[tuple[str, str, tuple[str, ...]], tuple[int, StoreWriter]] = {}
            for number, source in job.files:
                for item in _items(source, job.format):
                    if isinstance(item, Skipped):
                        skipped.append((number, plain_text(item.name), plain_text(_reason(item, source))))
                        continue
                    key = (item.layout.checksum, item.unit, item.history)
                    if key not in writers:
                        writer = StoreWriter(stage / f"kind-{len(writers)}", source=job.folder.name)
                        writers[key] = (len(writers), stack.enter_context(writer))
                    kind, writer = writers[key]
                    try:
                        writer.add(item)
                    except UserError as error:
                        skipped.append((number, _name(item)[:80], plain_text(error.one_line())))
                        continue
                    if runs and runs[-1][:2] == [number, kind]:
                        runs[-1][2] += 1
                    else:
                        runs.append([number, kind, 1])
        write_json(stage / CARD, {"runs": runs, "skipped": skipped})
    return len(job.files)


def _items(source: Source, format: str) -> Iterator[Clip | Skipped]:
    """What a file holds. A reader that breaks costs its file, not the import."""
    try:
        for item in clips_of(source, format):
            if isinstance(item, Skipped) and not source.path.exists():
                raise FileNotFoundError
            yield item
    except FileNotFoundError as error:
        raise UserError("the source vanished while it was read", where=source.path,
                        next_step="when it is back, run the same command again") from error  # fmt: skip
    except MemoryError:
        raise  # depends on the machine: the same file may be read well a second time
    except Exception as error:
        yield Skipped(source.name, f"the reader failed, please report it: {type(error).__name__}: {error}")


def _reason(item: Skipped, source: Source) -> str:
    """The reason without the place of the source: lists read the same wherever it lies, and its name stands beside."""
    places = {f"where: {source.where}", f"where: {source.name}"}
    kept = [part for part in item.reason.split("; ") if part not in places]
    return "; ".join(kept).replace(source.where, source.name)


def _name(clip: Clip) -> str:
    return plain_text(clip.origin.file or clip.origin.name)


class Assembly:
    """The clips of all parts, in the order of the files' names.

    Attributes
    ----------
    skipped : list of (name, reason)
        What gave no clip, in the same order.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._runs: list[Run] = []
        skipped: list[tuple[int, str, str]] = []
        for part, folder in enumerate(folders):
            card = read_json(folder / CARD, what="part of an import")
            skipped += [(number, name, reason) for number, name, reason in card["skipped"]]
            starts: dict[int, int] = {}
            for place, (number, kind, count) in enumerate(card["runs"]):
                self._runs.append(Run(number, part, place, kind, starts.get(kind, 0), count))
                starts[kind] = starts.get(kind, 0) + count
        self._runs.sort()
        self.skipped = [(name, reason) for _, name, reason in sorted(skipped, key=lambda row: row[0])]

    def __len__(self) -> int:
        return sum(run.count for run in self._runs)

    def __iter__(self) -> Iterator[Clip]:
        opened = functools.lru_cache(OPEN_STORES)(lambda part, kind: self._open(part, kind))
        for run in self._runs:
            store = opened(run.part, run.kind)
            for i in range(run.start, run.start + run.count):
                yield store[i]

    def _open(self, part: int, kind: int) -> ClipStore:
        return ClipStore.open(self._folders[part] / f"kind-{kind}")

    def skip(self, clip: Clip, error: UserError) -> None:
        """Note a clip that the store does not take."""
        reason = error.one_line().replace(f"; where: {error.where}", "")
        self.skipped.append((_name(clip), plain_text(reason)))
