"""Recordings of one file a frame, as OpenPose writes them, joined to one source each.

`jump_000000000000_keypoints.json`, `jump_000000000001_keypoints.json` ... become one source `jump_keypoints.json` that
reads as a JSON list of the files in the order of their numbers, with `null` for files that are missing between others.
Readers of JSON lists need not know of it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from skelzero.readers.base import Source
from skelzero.readers.detections import frame_places

END = "keypoints.json"
NAME = re.compile(r"^(?P<stem>(?:.*/)?[^/]*?)(?P<frame>[0-9]{5,18})_" + re.escape(END) + "$")
"""OpenPose counts frames with twelve digits; frames cut out of videos by other tools mostly with five or more."""


@dataclass(frozen=True)
class FrameFiles(Source):
    """The files of one recording, in order; `None` for those that are missing."""

    parts: tuple[Source | None, ...] = field(default=(), repr=False)

    @property
    def size(self) -> int:
        return sum(part.size if part else len(b"null") for part in self.parts) + len(self.parts) + 1

    @property
    def files(self) -> list[Source]:
        return [part for part in self.parts if part]

    def open(self) -> BinaryIO:
        return io.BytesIO(self._take(self.size))

    def _take(self, n: int) -> bytes:
        taken = bytearray(b"[")
        for i, part in enumerate(self.parts):
            taken += b"," if i else b""
            taken += part.head(n) if part else b"null"
            if len(taken) >= n:
                return bytes(taken[:n])
        return bytes(taken + b"]")[:n]


def join_frames(sources: Sequence[Source]) -> list[Source]:
    """The same sources, with the files of each recording as one, in its first file's place."""
    groups: dict[str, dict[str, tuple[int, Source]]] = {}
    names = {source.name for source in sources}
    for source in sources:
        match = NAME.match(source.name)
        if match and match["stem"] + END not in names:
            groups.setdefault(match["stem"] + END, {})[source.name] = int(match["frame"]), source
    recordings: dict[str, Source] = {}
    for name, files in groups.items():
        # Two files of one frame are no recording.
        if len({frame for frame, _ in files.values()}) == len(files) > 1:
            recordings |= dict.fromkeys(files, _recording(name, sorted(files.values(), key=lambda file: file[0])))
    result = (recordings.get(source.name, source) for source in sources)
    return list({id(source): source for source in result}.values())  # comparing recordings would take all their files


def _recording(name: str, files: list[tuple[int, Source]]) -> FrameFiles:
    places = frame_places([number for number, _ in files])
    parts: list[Source | None] = [None] * (int(places[-1]) + 1)
    for place, (_, source) in zip(places, files, strict=True):
        parts[place] = source
    first = files[0][1]
    # The folder changes when a file is added or replaced; an archive is one file anyway.
    path = first.path if first.member is not None else first.path.parent
    return FrameFiles(name=name, path=path, member=name, parts=tuple(parts))


def collect_frames(recordings: Iterable[FrameFiles], stream: Iterable[Source]) -> Iterator[Source]:
    """Sources of a stream, files of recordings replaced by the recording as soon as its last file has come."""
    owner = {part.name: recording for recording in recordings for part in recording.files}
    waiting: dict[str, dict[str, Source]] = {}
    for source in stream:
        recording = owner.get(source.name)
        if recording is None:
            yield source
            continue
        here = waiting.setdefault(recording.name, {})
        here[source.name] = source
        if len(here) == len(recording.files):
            del waiting[recording.name]
            yield replace(recording, parts=tuple(here[part.name] if part else None for part in recording.parts))
