"""Files of a folder, a zip or a tar archive as sources, read in place: nothing is unpacked to disk.

Archives come from strangers: names that leave the archive, links, and sizes that no honest archive has are refused
before anything is unpacked.
"""

from __future__ import annotations

import itertools
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from skelzero.errors import UserError
from skelzero.readers.archive_checks import is_litter
from skelzero.readers.base import Source
from skelzero.readers.frame_files import FrameFiles, collect_frames, join_frames
from skelzero.readers.tar_archive import SUFFIXES as TAR_SUFFIXES
from skelzero.readers.tar_archive import TarMember, stream_members, tar_members
from skelzero.readers.zip_archive import zip_members


def list_sources(path: Path | str) -> list[Source]:
    """The files of a file, folder or archive, sorted by name; label files are attached to what they label.

    Recordings of one file a frame are one source each (`frame_files`).

    Raises
    ------
    UserError
        Missing path, empty or broken archive, unsafe names, links, or sizes that look like a bomb.
    """
    path = Path(path)
    if path.is_dir():
        found = list(_folder_files(path))
    elif not path.is_file():
        raise UserError("no such file or folder", where=path, next_step="check the path")
    elif path.name.lower().endswith(".zip"):
        found = list(zip_members(path))
    elif path.name.lower().endswith(TAR_SUFFIXES):
        found = list(tar_members(path))
    else:
        return [Source(name=path.name, path=path)]
    if not found:
        raise UserError("nothing to read in here", where=path, got="no file", expected="recordings")
    return attach_labels(join_frames(sorted(found, key=lambda source: source.name)))


def iter_sources(path: Path | str, sources: Iterable[Source] | None = None) -> Iterator[Source]:
    """The same sources, in the order in which they are read fastest.

    A compressed tar cannot be entered in the middle; its members come in the archive's order and with their bytes
    (`MemorySource`), so that one pass over the archive is enough. Everything else comes in the order given.

    Parameters
    ----------
    path : path
        File, folder or archive.
    sources : iterable of Source, optional
        What to read of it, from `list_sources`; everything when left out.
    """
    chosen = list_sources(path) if sources is None else list(sources)
    packed = [(source, files) for source in chosen if (files := _packed_files(source))]
    streamed = {source.name for source, _ in packed}
    yield from (source for source in chosen if source.name not in streamed)
    if packed:
        recordings = [source for source, _ in packed if isinstance(source, FrameFiles)]
        stream = stream_members(Path(path), [file for _, files in packed for file in files])
        yield from collect_frames(recordings, stream)


def _packed_files(source: Source) -> list[TarMember]:
    """The files of a source that lie in a compressed tar."""
    files = source.files if isinstance(source, FrameFiles) else [source]
    return [file for file in files if isinstance(file, TarMember) and file.packed]


def attach_labels(sources: list[Source]) -> list[Source]:
    """Give each file the label file of the same stem, when there is one, and take that out of the list.

    Label files are those below a folder whose name contains `label` (PKU-MMD: `label/0002-L.txt` beside
    `skeleton/0002-L.txt`). Of several, the one that shares most of the path is taken.
    """
    labels: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if _in_label_folder(source):
            labels[source.stem].append(source)
    if not labels:
        return sources
    used: set[str] = set()
    result = []
    for source in sources:
        candidates = [] if _in_label_folder(source) else labels.get(source.stem, [])
        if candidates:
            best = max(candidates[:64], key=lambda label: _shared(label, source))
            used.add(best.name)
            source = replace(source, labels=best)
        result.append(source)
    return [source for source in result if source.name not in used]


def _shared(a: Source, b: Source) -> int:
    """How many folders two sources have in common."""
    pairs = zip(PurePosixPath(a.name).parts, PurePosixPath(b.name).parts, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _in_label_folder(source: Source) -> bool:
    return any("label" in part.lower() for part in PurePosixPath(source.name).parts[:-1])


def _folder_files(folder: Path) -> Iterator[Source]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_litter(name))
        for file in files:
            path = Path(parent) / file
            if not is_litter(file) and path.is_file():
                yield Source(name=path.relative_to(folder).as_posix(), path=path)
