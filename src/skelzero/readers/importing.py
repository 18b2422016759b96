"""From any source to a clip store: parallel, resumable at any moment, and the same bytes however it went.

The files are cut into fixed parts (`import_parts`), made by a crew of workers (`grid`) in `STORE.partial`
(`import_folder`) and put together in the order of their names. The number of workers, a kill, and the order in which an
archive is read leave no trace in the result.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from skelzero import __version__
from skelzero.cards import sha256_of
from skelzero.clips import ClipStore, StoreWriter
from skelzero.clips.store_card import plain_text
from skelzero.clips.store_writer import check_replaceable
from skelzero.errors import UserError
from skelzero.grid import as_completed, cores, open_crew
from skelzero.grid.backends import LOCAL
from skelzero.readers.archive import iter_sources, list_sources
from skelzero.readers.base import READERS, Source
from skelzero.readers.import_folder import ImportFolder
from skelzero.readers.import_parts import PART_BYTES, PART_FILES, Assembly, collect, make_part, plan
from skelzero.readers.reading import AUTO, NO_READER

SKIPPED = "skipped.csv"
BYTES_THAT_PAY = 24 << 20
"""Starting a worker takes as long as reading about so many bytes."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportReport:
    """What came of an import: clips in the store, files and clips left out, seconds it took."""

    clips: int
    skipped: int
    seconds: float


def import_clips(
    src: Path | str,
    out: Path | str,
    *,
    format: str = AUTO,
    backend: str = LOCAL,
    workers: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Read every recording of a file, folder or archive into a new store.

    What cannot be read is left out and listed, with the reason, in the store's `skipped.csv`. One store holds one joint
    layout: that of the first clip in the order of names; clips of other layouts are listed like broken ones.

    Parameters
    ----------
    src : path
    out : path
        The store; `out.partial` holds finished parts until it is complete, and a second call goes on from there.
    format : str
        A reader's name, or `auto`.
    backend : str
        Whose workers, see `skelzero.grid.open_crew`; those of other machines have to see `src` and `out` as well.
    workers : int
        Processes of this machine; 0 takes one a core, and fewer for sources so small that starting them would take
        longer. They are spawned: a script that calls this with several must do so under `if __name__ == "__main__":`.
    overwrite : bool
        Replace a store that lies at `out`, once the new one is complete.
    progress : callable (stage, done, total), optional

    Raises
    ------
    UserError
        Nothing readable, something in the way at `out`, a wrong format name, a full disk, workers that keep dying.
    """
    begin = time.perf_counter()
    src, out = Path(src), Path(out)
    if format != AUTO:
        READERS[format]  # a wrong name is told before anything is read
    folder = ImportFolder(out)
    _check_output(src, folder, overwrite)
    sources = _unique(list_sources(src))
    fingerprint = _fingerprint(src, sources, format)
    with folder.held():
        facts = folder.done(fingerprint)
        if out.exists() and not overwrite and (facts is None or folder.store.exists()):
            raise _exists(out)
        if facts is None:
            facts = _import(src, sources, folder, fingerprint, format, (backend, workers), progress)
        folder.publish()
        folder.clear()
    return ImportReport(facts["clips"], facts["skipped"], time.perf_counter() - begin)


def _check_output(src: Path, folder: ImportFolder, overwrite: bool) -> None:
    out = folder.out
    if src.is_dir() and out.absolute().resolve().is_relative_to(src.absolute().resolve()):
        raise UserError("the store would lie in the folder that is read", where=out, next_step="give a path outside it")
    if out.exists():
        with contextlib.suppress(OSError):
            folder.folder.rmdir()  # an empty one: killed at the very last step
    if overwrite:
        check_replaceable(out)
    elif out.exists() and not folder.folder.exists():
        raise _exists(out)


def _exists(out: Path) -> UserError:
    return UserError("the output exists already", where=out, next_step="give another path or pass --overwrite")


def _unique(sources: Sequence[Source]) -> list[Source]:
    """Of members of one name the last: archives that were added to hold the new version behind the old one."""
    return list({source.name: source for source in sources}.values())


def _fingerprint(src: Path, sources: Sequence[Source], format: str) -> str:
    """Changes whenever parts made before would no longer be those of this import."""
    labels = [source.labels for source in sources if source.labels is not None]
    files = [*sources, *labels]
    stamps = {path: path.stat().st_mtime_ns for path in {source.path for source in files}}
    facts = [(plain_text(source.name), source.size, stamps[source.path]) for source in files]
    return sha256_of([_name(src), facts, format, PART_FILES, PART_BYTES, __version__])


def _name(src: Path) -> str:
    return plain_text(src.absolute().name)


def _import(
    src: Path, sources: list[Source], folder: ImportFolder, fingerprint: str, format: str, crew: tuple[str, int],
    progress: Progress | None,
) -> dict[str, Any]:  # fmt: skip
    """Make what is missing of the import; the store is complete in the folder when this returns."""
    folder.begin(fingerprint)
    parts = plan(sources)
    try:
        _fill(src, sources, parts, folder, format, crew, progress)
        facts = _assemble(src, sources, parts, folder, progress)
        folder.mark_done(facts)
        return facts
    except _NothingError:
        folder.clear()
        raise
    except BaseException as error:
        if not any(folder.is_made(number) for number in range(len(parts))):
            folder.clear()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError("the disk is full", where=folder.folder, got=error.strerror,
                            next_step="free some space and run the same command again, it goes on where it stopped; "
                            "or remove this folder") from error  # fmt: skip
        raise


def _fill(
    src: Path, sources: list[Source], parts: list[list[int]], folder: ImportFolder, format: str, crew: tuple[str, int],
    progress: Progress | None,
) -> None:  # fmt: skip
    """Make the parts that are missing."""
    missing = {number: folder.part(number) for number in range(len(parts)) if not folder.is_made(number)}
    number_of = {source.name: i for i, source in enumerate(sources)}
    wanted = [sources[i] for i in sorted(i for number in missing for i in parts[number])]
    done = len(sources) - len(wanted)
    stream = ((number_of[source.name], source) for source in iter_sources(src, wanted))
    jobs = collect(stream, parts, missing, format)
    enough = 1 + sum(source.size for source in wanted) // BYTES_THAT_PAY
    backend, workers = crew
    processes = min(workers or min(cores(), enough), max(1, len(missing)))
    with open_crew(backend, processes) as opened:
        for files in as_completed(opened, make_part, jobs):
            done += files
            if progress is not None:
                progress("reading files", done, len(sources))


def _assemble(
    src: Path, sources: list[Source], parts: list[list[int]], folder: ImportFolder, progress: Progress | None
) -> dict[str, Any]:  # fmt: skip
    """Put the parts together in the order of the files' names."""
    assembly = Assembly([folder.part(number) for number in range(len(parts))])
    if not len(assembly):
        raise _nothing(src, sources, assembly.skipped)
    with StoreWriter(folder.store, source=_name(src), overwrite=True) as writer:
        for done, clip in enumerate(assembly):
            try:
                writer.add(clip)
            except UserError as error:
                assembly.skip(clip, error)
            if progress is not None and done % 256 == 0:
                progress("writing clips", done, len(assembly))
        with (writer.folder / SKIPPED).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("name", "reason"), *assembly.skipped])
        clips = writer.clips
    return {"clips": clips, "skipped": len(assembly.skipped), "checksum": ClipStore.open(folder.store).checksum}


class _NothingError(UserError):
    """No clip in the whole source: a second run would come to the same end."""


def _nothing(src: Path, sources: Sequence[Source], skipped: Sequence[tuple[str, str]]) -> UserError:
    suffixes = Counter(PurePosixPath(source.name).suffix or "no suffix" for source in sources)
    got = ", ".join(f"{count} x {suffix}" for suffix, count in suffixes.most_common(6))
    broken = [f"{name}: {reason}" for name, reason in skipped if reason != NO_READER]
    formats = ", ".join(f"{name} ({'/'.join(READERS[name].suffixes)})" for name in sorted(READERS))
    return _NothingError(
        "no clip found", where=src, got=f"{got}; {broken[0]}" if broken else got, expected=f"files of {formats}",
        next_step="name the format with --format, or mend the files",
    )  # fmt: skip
