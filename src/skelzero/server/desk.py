"""What a worker does with a request: an upload or a synthetic example becomes clips, the clips an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from skelzero.cards import plain
from skelzero.clips import Clip, load_layout
from skelzero.errors import UserError
from skelzero.grid import one_thread
from skelzero.readers import READERS, read_clips
from skelzero.recognize import Recognizer
from skelzero.recognize.stream import LiveRecognizer
from skelzero.recognize.windows import frame_rate
from skelzero.server.examples import example_clip, example_names
from skelzero.server.failures import RefusedError, error_event
from skelzero.server.skeletons import skeleton
from skelzero.synthetic import make_clip

PACKAGED = "packaged"
"""Name of the model in the package."""
WARM = ("walk", "play an instrument that nobody described")
"""A described word and another, which are read in different ways."""
MAX_NAME = 200
"""Bytes of a file name that are kept, from its end."""


class Desk:
    """The recognisers of one worker and everything that is asked of them.

    Parameters
    ----------
    options : dict
        `models` (run folders; none: the packaged one) and the limits `max_seconds`, `max_clips`.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        one_thread()  # several workers share the cores
        self.max_seconds = float(options["max_seconds"])
        self.max_clips = int(options["max_clips"])
        folders = [Path(folder) for folder in options["models"]]
        self._live: LiveRecognizer | None = None
        self.recognizers = {name: Recognizer.load(folder) for name, folder in model_names(folders).items()}

    def warm_up(self) -> None:
        """The first recognition loads what reads words and takes seconds; no request should pay for it."""
        for recognizer in self.recognizers.values():
            recognizer.texts(WARM)
            with suppress(UserError):  # a model that does not take this layout
                recognizer.recognize(make_clip("s01", 1, 1), WARM)

    def models(self) -> list[dict[str, Any]]:
        """What the models are, for people who choose one."""
        found = []
        for name, recognizer in self.recognizers.items():
            card = recognizer.run.card
            found.append({"name": name, "method": card.method, "trained_on": card.dataset, "pipeline": card.pipeline,
                          "layout": card.layout, "text_encoder": card.text_encoder, "made": card.made})  # fmt: skip
        return found

    def formats(self) -> list[dict[str, str]]:
        """What can be uploaded."""
        return [{"name": name, "title": READERS[name].title} for name in sorted(READERS)]

    def examples(self) -> list[dict[str, Any]]:
        """What the server can make itself."""
        return example_names()

    def answer(self, request: dict[str, Any], upload: Path) -> bytes:
        """The answer to one request, as JSON."""
        kinds = {"recognize": self.recognize, "live": self.start, "frames": self.push, "finish": self.finish}
        return json.dumps(kinds[request["do"]](request, upload), default=plain).encode()

    def recognize(self, request: dict[str, Any], upload: Path) -> dict[str, Any]:
        """Every clip of an upload (or the synthetic example) with its segments and, when asked for, its skeleton."""
        recognizer = self._recognizer(request)
        answers = []
        for clip in self._clips(request, upload):
            found = recognizer.recognize(clip, request["labels"], top=request["top"], explain=request["explain"],
                                         false_accepts=request["false_accepts"])  # fmt: skip
            answers.append({
                "clip": clip.origin.name, "synthetic": clip.origin.dataset == "synthetic",
                "layout": clip.layout.name, "fps": None if np.isnan(clip.fps) else clip.fps,
                "seconds": round(clip.frames / frame_rate(clip), 3), "persons": clip.persons,
                **found.to_json(),
                **({"skeleton": skeleton(clip)} if request["skeleton"] else {}),
            })  # fmt: skip
        return {"file": request["name"], "model": request["model"] or next(iter(self.recognizers)), "clips": answers}

    def start(self, request: dict[str, Any], upload: Path) -> list[dict[str, Any]]:
        """Begin a live session; this worker has no other work then."""
        layout = load_layout(request["layout"])
        self._live = LiveRecognizer(
            self._recognizer(request), request["labels"], layout, request["fps"] or 0, request["persons"] or 1,
            request["top"], false_accepts=request["false_accepts"],
        )  # fmt: skip
        return [{"event": "ready", "joints": list(layout.joints), "understood": self._live.understood}]

    def push(self, request: dict[str, Any], upload: Path) -> list[dict[str, Any]]:
        """What is known after some more frames."""
        assert self._live is not None
        events: list[dict[str, Any]] = []
        for frame in request["frames"]:
            try:
                events += self._live.push(frame)
            except UserError as error:  # a frame that does not fit; the next one may
                events.append(error_event(error))
        return events

    def finish(self, request: dict[str, Any], upload: Path) -> list[dict[str, Any]]:
        """What is known when no more frames come."""
        assert self._live is not None
        return list(self._live.finish())

    def _recognizer(self, request: dict[str, Any]) -> Recognizer:
        name = request["model"] or next(iter(self.recognizers))
        if name not in self.recognizers:
            raise RefusedError(404, "the server has no such model", where="model", got=repr(name),
                               expected=", ".join(self.recognizers), next_step="see GET /api/models")  # fmt: skip
        return self.recognizers[name]

    def _clips(self, request: dict[str, Any], upload: Path) -> list[Clip]:
        if request["example"]:
            return [example_clip(request["example"])]
        path = Path(safe_name(request["name"]))
        upload.rename(path)
        clips: list[Clip] = []
        for clip in read_clips(path, request["format"]):
            if len(clips) == self.max_clips:
                raise RefusedError(413, "too many recordings in one upload", where=path,
                                   got=f"more than {self.max_clips}", expected=f"<= {self.max_clips}",
                                   next_step="send them one by one")  # fmt: skip
            self._check_length(clip)
            clips.append(clip)
        if not clips:
            raise UserError("no recording in this file", where=path, next_step="see `skelzero data formats`")
        return clips

    def _check_length(self, clip: Clip) -> None:
        seconds = clip.frames / frame_rate(clip)
        if seconds > self.max_seconds:
            raise RefusedError(413, "the recording is too long for this server", where=clip.origin.name,
                               got=f"{seconds:.0f} s", expected=f"<= {self.max_seconds:g} s",
                               next_step="cut it, or start the server with a larger --max-seconds")  # fmt: skip


def model_names(folders: Sequence[Path]) -> dict[str, Path | None]:
    """A name for each model: its folder's, made different where two are the same."""
    if not folders:
        return {PACKAGED: None}
    names: dict[str, Path | None] = {}
    for folder in folders:
        name, n = folder.resolve().name, 2
        while name in names:
            name, n = f"{folder.resolve().name}-{n}", n + 1
        names[name] = folder
    return names


def safe_name(name: str) -> str:
    """A stranger's file name without folders and control characters; its ending, which readers look at, is kept.

    >>> safe_name("../../etc/pass\\x00wd.BVH")
    'passwd.BVH'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(c for c in last if c.isprintable()).encode(errors="ignore")[-MAX_NAME:].decode(errors="ignore")
    return clean.lstrip(". ") or "upload"
