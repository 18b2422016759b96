"""From a path to clips: which reader takes a file, and what happens when none or two would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skelzero.clips import Clip
from skelzero.errors import UserError
from skelzero.readers.archive import iter_sources, list_sources
from skelzero.readers.base import NO, READERS, Reader, Skipped, Source

AUTO = "auto"
NO_READER = "no reader"
"""Why files that are not recordings (`README.txt`) are skipped."""


def candidates(head: bytes, name: str) -> list[str]:
    """Names of the readers that are surest of a file that begins so; empty when none takes it."""
    sure = {format: READERS[format].sniff(head, name) for format in READERS}
    best = max(sure.values())
    return sorted(format for format, value in sure.items() if value == best) if best > NO else []


def detect(source: Source) -> Reader:
    """The reader whose `sniff` is surest.

    Raises
    ------
    UserError
        The file is missing or empty, no reader takes it, or two are equally sure.
    """
    reader = _claim(source)
    if reader is None:
        raise UserError("no reader knows this file", where=source.where, expected=_known_formats(),
                        next_step="if it is one of these, name it with --format")  # fmt: skip
    return reader


def choose_reader(source: Source, format: str = AUTO) -> Reader:
    """The reader called `format`, or the detected one for `auto`."""
    return detect(source) if format == AUTO else READERS[format]


def clips_of(source: Source, format: str = AUTO) -> Iterator[Clip | Skipped]:
    """The clips of one file; a file that cannot be used gives one `Skipped` instead of an error.

    What one file of many goes through in an import: never fatal. With a named format only files with its suffix are
    read, so that what lies beside the recordings is left alone.
    """
    try:
        if format == AUTO:
            reader = _claim(source)
        else:
            reader = READERS[format] if READERS[format].fits_name(source.name) else None
        if reader is None:
            yield Skipped(source.name, NO_READER)
        else:
            yield from reader.clips(source)
    except UserError as error:
        yield Skipped(source.name, error.one_line())


def _claim(source: Source) -> Reader | None:
    """The reader that is surest of a file, None when no one takes it; an error when it is empty or two are as sure."""
    head = source.head()
    if not head:
        raise UserError("the file is empty", where=source.where, next_step="get the file again or leave it out")
    names = candidates(head, source.name)
    if len(names) > 1:
        raise UserError("several formats fit this file", where=source.where, got=", ".join(names),
                        next_step=f"name the right one, e.g. --format {names[0]}")  # fmt: skip
    return READERS[names[0]] if names else None


def read_clip(path: Path | str, format: str = AUTO) -> Clip:
    """The one clip in a file (or in a folder or archive with one file).

    Parameters
    ----------
    path : path
        File, folder, zip or tar archive.
    format : str
        Name of a reader, or `auto`: what the content looks like.

    Raises
    ------
    UserError
        No clip, several clips, or a file that cannot be used.
    """
    clips = read_clips(path, format)
    first = next(clips, None)
    if first is None:
        raise UserError("no clip found", where=path, next_step="see `skelzero data import --help` for the formats")
    if next(clips, None) is not None:
        raise UserError("more than one clip found", where=path, expected="one clip",
                        next_step="use read_clips, or `skelzero data import` to make a store")  # fmt: skip
    return first


def read_clips(path: Path | str, format: str = AUTO, skipped: list[Skipped] | None = None) -> Iterator[Clip]:
    """All clips of a file, folder or archive, file by file.

    Parameters
    ----------
    path, format
        As for `read_clip`.
    skipped : list, optional
        Receives what gave no clip. Without it a broken file is an error, and only files that no reader knows
        (`README.txt`) are passed over.
    """
    path = Path(path)
    if format != AUTO:
        READERS[format]  # a wrong name is told before anything is read
    sources = list_sources(path)
    single = len(sources) == 1
    for source in iter_sources(path, sources):
        strict = single and skipped is None
        for item in choose_reader(source, format).clips(source) if strict else clips_of(source, format):
            if isinstance(item, Clip):
                yield item
            elif skipped is not None:
                skipped.append(item)
            elif item.reason != NO_READER:
                raise UserError("a file gave no clip", where=item.name, got=item.reason,
                                next_step="mend it, or pass skipped=[] to collect such files")  # fmt: skip


def _known_formats() -> str:
    return ", ".join(f"{name} ({'/'.join(READERS[name].suffixes)})" for name in sorted(READERS))
