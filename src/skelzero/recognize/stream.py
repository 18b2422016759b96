"""Recognition while a recording goes on: answers at once, and in the end what the whole recording would have given."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from skelzero.clips import Clip, JointLayout, Origin
from skelzero.clips.clip import MAX_PERSONS
from skelzero.errors import UserError
from skelzero.recognize.frames import read_frame
from skelzero.recognize.recognizer import Recognizer
from skelzero.recognize.segments import Segment, merge_windows
from skelzero.recognize.windows import LENGTH, STRIDE, WHOLE_BELOW, Window
from skelzero.text import ClassSet

FPS_RANGE = (1.0, 1000.0)
"""Slower streams have no motion in a window; faster ones would have to be kept in more memory than they are worth."""
MOST_HELD = 1 << 28
"""Bytes of the last six seconds of all people: many more than any sensor needs, few enough for any machine."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Judged:
    """A window with its answer."""

    window: Window
    probabilities: Float[np.ndarray, " K"]
    rejected: bool


class LiveRecognizer:
    """Names actions frame by frame; memory and time per frame do not grow with the recording.

    Parameters
    ----------
    recognizer : Recognizer
    labels : sequence of str, or ClassSet
        The words to choose from.
    layout : JointLayout
        Of the frames.
    fps : float
        Frames a second, 1 to 1000; times in answers are counted in frames.
    persons : int
        Most people in a frame, 1 to 64.
    top : int, optional
        Keep that many labels an answer.
    false_accepts : float, optional
        As in `Recognizer.recognize`.
    unit : str, optional
        Of the coordinates, as in `Clip`; by default metres in space and pixels in two dimensions.

    Raises
    ------
    UserError
        Words, a layout or a frame rate that cannot be used; found here and not after the first seconds.

    Notes
    -----
    `segment` events, sorted by person and start, are the segments of `Recognizer.recognize` on the same frames, to
    float rounding of probabilities. Which windows count is known only later: a recording that ends within six seconds
    is one window, and a person who does not come back has a last window that ends where they were last seen. `now`
    events do not wait for that.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        labels: Sequence[str] | ClassSet,
        layout: JointLayout,
        fps: float,
        persons: int = 1,
        top: int | None = None,
        *,
        false_accepts: float | None = None,
        unit: str | None = None,
    ) -> None:
        if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:  # also catches NaN
            raise UserError("a stream needs its frame rate", got=fps, expected=f"{FPS_RANGE[0]:g} to {FPS_RANGE[1]:g}")
        if not 1 <= persons <= MAX_PERSONS:
            raise UserError("no person, or too many", got=persons, expected=f"1 to {MAX_PERSONS}")
        held = int(persons * WHOLE_BELOW * fps) * len(layout) * layout.dims * np.dtype(np.float32).itemsize
        if held > MOST_HELD:
            raise UserError("six seconds of this stream are too much to keep", got=f"{held >> 20} MB",
                            expected=f"at most {MOST_HELD >> 20} MB", next_step="announce fewer persons")  # fmt: skip
        self.recognizer, self.layout, self.fps, self.persons, self.top = recognizer, layout, float(fps), persons, top
        self.false_accepts = false_accepts
        self.unit = unit or ("m" if layout.dims == 3 else "px")
        self.bank, self.understood = recognizer.texts(labels)
        self.frames = 0
        self._watches = [_Watch(person, self.fps) for person in range(persons)]
        self._stories = [_Story(list(self.bank.labels), self.fps, top) for _ in range(persons)]
        # One window of noise: what the model cannot take is refused now, and the first real window finds all loaded.
        size = self._watches[0].size
        noise = np.random.default_rng(0).random((size, len(layout), layout.dims)).astype(np.float32)
        self._judge([(Window(0, 0, size), noise)])

    @property
    def time(self) -> float:
        """Seconds of the stream so far."""
        return self.frames / self.fps

    @property
    def frames_held(self) -> int:
        """Frames kept in memory, of all people together: at most six seconds each."""
        return sum(len(watch.poses) for watch in self._watches)

    def push(self, frame: Float32[np.ndarray, "P V C"] | Mapping[str, Any]) -> list[Event]:
        """Take the next frame.

        Parameters
        ----------
        frame : float (P, V, C), or mapping
            Joint positions, NaN where missing; or `{"joints": [[x, y, z], null, ...]}` of one person, or
            `{"persons": [[...], null, ...]}`.

        Returns
        -------
        list of dict
            `now`: the answer for the last three seconds, for each person, once a second. `segment`: what can no longer
            change. `error`: a window that cannot be measured and is left out.

        Raises
        ------
        UserError
            A frame that does not fit the layout; it is not counted.
        """
        poses = read_frame(frame, self.layout, self.persons)
        self.frames += 1
        complete = []
        for watch, pose in zip(self._watches, poses, strict=True):
            window = watch.see(pose.copy(), self.frames)  # a view would keep the whole frame
            if window is not None:
                complete.append((window, watch.cut(window)))
        events: list[Event] = []
        for judged in self._judge_each(complete, events):
            events.append(self._now(judged))
            self._watches[judged.window.person].waiting.append(judged)
        for watch, story in zip(self._watches, self._stories, strict=True):
            events += [_told(s) for judged in watch.confirmed() for s in story.add(judged)]
        return events

    def finish(self) -> list[Event]:
        """The rest of the segments, at the end of the recording; the recogniser is then ready for another one."""
        events: list[Event] = []
        for watch, story in zip(self._watches, self._stories, strict=True):
            window = watch.last_window()
            for judged in self._judge_each([] if window is None else [(window, watch.cut(window))], events):
                events += [_told(s) for s in story.add(judged)]
            events += [_told(s) for s in story.close()]
            watch.restart()
        self.frames = 0
        return events

    def _judge(self, cuts: list[tuple[Window, Float32[np.ndarray, "T V C"]]]) -> list[Judged]:
        clips = [Clip(x[None], self.layout, Origin("stream"), fps=self.fps, unit=self.unit) for _, x in cuts]
        found = self.recognizer.judge(self.recognizer.features(clips), self.bank, self.false_accepts)
        return [Judged(window, p, bool(rejected)) for (window, _), p, rejected in zip(cuts, *found, strict=True)]

    def _judge_each(
        self, cuts: list[tuple[Window, Float32[np.ndarray, "T V C"]]], events: list[Event]
    ) -> list[Judged]:  # fmt: skip
        """All windows together, which is faster; one by one if one of them cannot be measured, which is then told."""
        try:
            return self._judge(cuts) if cuts else []
        except UserError as error:
            if len(cuts) > 1:
                return [judged for one in cuts for judged in self._judge_each([one], events)]
            window = cuts[0][0]
            events.append({"event": "error", "time": round(window.end / self.fps, 3), "person": window.person,
                           "message": error.one_line()})  # fmt: skip
            return []

    def _now(self, judged: Judged) -> Event:
        told = self._stories[judged.window.person].alone(judged).to_json()
        return {"event": "now", "time": told["end"], "person": told["person"], "labels": told["labels"],
                "none_of_these": told["none_of_these"]}  # fmt: skip


class _Watch:
    """One person's last six seconds, and which windows of them are complete."""

    def __init__(self, person: int, fps: float) -> None:
        self.person = person
        self.size, self.step = max(2, round(LENGTH * fps)), max(1, round(STRIDE * fps))
        self.whole = WHOLE_BELOW * fps
        self.restart()

    def restart(self) -> None:
        self.poses: deque[Float32[np.ndarray, "V C"]] = deque(maxlen=math.floor(self.whole))
        self.waiting: list[Judged] = []
        self.first = -1
        """The first frame in which the person is seen; -1 before."""
        self.last = 0
        """The frame after the last one in which the person is seen; `poses` end there."""
        self.next = 0
        """Where the next window starts."""

    def see(self, pose: Float32[np.ndarray, "V C"], frames: int) -> Window | None:
        """Take the pose of the last of `frames` frames; a window that ends there, if the person is in half of it."""
        if np.isfinite(pose).any():
            if self.first < 0:
                self.first = self.next = frames - 1
            else:
                away = frames - 1 - self.last
                self.poses.extend([np.full_like(pose, np.nan)] * min(away, self.poses.maxlen or 0))
            self.poses.append(pose)
            self.last = frames
        if self.first < 0 or frames < self.next + self.size:
            return None
        window = Window(self.person, self.next, frames)
        self.next += self.step
        return window if self._is_seen(window) else None

    def confirmed(self) -> list[Judged]:
        """Waiting windows that belong to the answer whatever comes: in a long recording, and not beyond its end."""
        if not self._is_long():
            return []
        sure = [judged for judged in self.waiting if judged.window.end <= self.last]
        self.waiting = [judged for judged in self.waiting if judged.window.end > self.last]
        return sure

    def last_window(self) -> Window | None:
        """What is still to be looked at when the recording ends: all of a short one, the end of a long one."""
        if self.first < 0:
            return None
        if not self._is_long():
            return Window(self.person, self.first, self.last)
        ends = range(self.first + self.size, self.last + 1, self.step)
        window = Window(self.person, self.last - self.size, self.last)
        return window if ends[-1] < self.last and self._is_seen(window) else None

    def cut(self, window: Window) -> Float32[np.ndarray, "T V C"]:
        """The poses of a window; missing after the person was last seen."""
        begin = self.last - len(self.poses)
        held = np.stack(list(self.poses)[window.start - begin : window.end - begin])
        return np.pad(held, [(0, window.end - window.start - len(held)), (0, 0), (0, 0)], constant_values=np.nan)

    def _is_long(self) -> bool:
        return self.last - self.first > self.whole

    def _is_seen(self, window: Window) -> bool:
        if window.start >= self.last:
            return False
        seen = np.isfinite(self.cut(window)).any(axis=(1, 2)).sum()
        return bool(seen >= 0.5 * (window.end - window.start))


class _Story:
    """One person's segments, of which only the open one is kept: its start, its last window, and a sum."""

    def __init__(self, labels: list[str], fps: float, top: int | None) -> None:
        self.labels, self.fps, self.top = labels, fps, top
        self.open: Judged | None = None
        self.start = 0.0
        self.total: Float[np.ndarray, " K"] = np.zeros(0)
        self.windows = 0

    def add(self, judged: Judged) -> list[Segment]:
        """Take the next window; the segment before it, if the window belongs to another one."""
        pair = self._merged([judged] if self.open is None else [self.open, judged])
        if self.open is not None and len(pair) == 1:
            self.total, self.windows, self.open = self.total + judged.probabilities, self.windows + 1, judged
            return []
        closed = [] if self.open is None else [self._segment(pair[0].end)]
        self.start, self.total, self.windows, self.open = pair[-1].start, judged.probabilities, 1, judged
        return closed

    def close(self) -> list[Segment]:
        """The last segment, at the end of the recording."""
        closed = [] if self.open is None else [self._segment(self._merged([self.open])[0].end)]
        self.open = None
        return closed

    def alone(self, judged: Judged) -> Segment:
        """One window as a segment."""
        return self._merged([judged])[0]

    def _segment(self, end: float) -> Segment:
        assert self.open is not None
        mean = replace(self.open, probabilities=self.total / self.windows)
        return replace(self.alone(mean), start=self.start, end=end)

    def _merged(self, judged: list[Judged]) -> list[Segment]:
        probabilities = np.stack([j.probabilities for j in judged])
        rejected = np.array([j.rejected for j in judged])
        return merge_windows([j.window for j in judged], probabilities, rejected, self.labels, self.fps, self.top)


def _told(segment: Segment) -> Event:
    return {"event": "segment", **segment.to_json()}
