"""Anyone's recording, anyone's words: a trained run asked about clips that belong to no data set."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from skelzero.clips import Clip
from skelzero.encoders import TrainedEncoder
from skelzero.errors import UserError
from skelzero.kinematics import of_clips
from skelzero.methods.described import DescribedMethod, described, likeness
from skelzero.preprocess import PIPELINES, prepare_clips
from skelzero.protocol.rejection import statistic
from skelzero.protocol.run import Run
from skelzero.readers.mediapipe import HIPS_ORIGIN
from skelzero.recognize.explain import attribute_reasons
from skelzero.recognize.explain import explain as explain_window
from skelzero.recognize.segments import Segment, merge_windows
from skelzero.recognize.windows import Window, cut, find_windows, frame_rate
from skelzero.text import ClassSet, TextBank, build_bank, load_text_encoder
from skelzero.text.attributes.translator import DOUBTFUL, load_translator, texts_of
from skelzero.text.attributes.vectors import clip_values_of, values_of
from skelzero.text.words import understand

LISTS_KEPT = 64
"""Word lists whose texts are kept."""


@dataclass(frozen=True)
class Recognition:
    """The answer for one recording.

    Attributes
    ----------
    segments : list of Segment
        In order of person and time.
    understood : dict
        Words that were described from a class set, and where they were found.
    notes : tuple of str
        What a reader of the answer should know (an assumed frame rate, a model of synthetic motion).
    """

    segments: list[Segment]
    understood: dict[str, str]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "segments": [s.to_json() for s in self.segments],
            "understood": self.understood,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class _Words:
    """Words that were asked for: as classes, as texts, and where they were found."""

    classes: ClassSet
    bank: TextBank
    understood: dict[str, str]


class Recognizer:
    """Names actions by words, in recordings of any layout that its pipeline takes.

    Parameters
    ----------
    run : Run
        A trained run; `Recognizer.load()` takes the one that ships with the package.

    Notes
    -----
    Text vectors are kept between calls, so a second recording with the same words, or the same recording with other
    words, costs only what is new.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.pipeline = PIPELINES[run.card.pipeline]
        self._words: dict[tuple[str, ...], _Words] = {}
        self._doubted: dict[tuple[str, ...], list[str]] = {}
        self._likest: dict[int, Float32[np.ndarray, "1 V"]] = {}

    @classmethod
    def load(cls, folder: Path | str | None = None) -> Recognizer:
        """From a run folder (`skelzero train`), or the model in the package (synthetic motion and CMU mocap)."""
        if folder is None:
            with resources.as_file(resources.files("skelzero.recognize") / "model") as default:
                return cls(Run.load(default))
        return cls(Run.load(Path(folder)))

    def recognize(
        self, clip: Clip, labels: Sequence[str] | ClassSet, *, top: int | None = None, explain: bool = False,
        false_accepts: float | None = None,
    ) -> Recognition:  # fmt: skip
        """What is done in a recording, in time-stamped segments, each person apart.

        Parameters
        ----------
        clip : Clip
            As a reader gave it, trimmed or long.
        labels : sequence of str, or ClassSet
            The words to choose from.
        top : int, optional
            Keep that many labels a segment.
        explain : bool
            Say for each segment which parts of the body, moments and attributes spoke for its first label.
        false_accepts : float, optional
            Share of windows with other actions that may be named; fewer means that "none of these" is said more often,
            also of listed ones. Half by default.

        Raises
        ------
        UserError
            A joint layout that the model cannot take, a recording without people, or a share outside 0 to 1.
        """
        bank, understood = self.texts(labels)
        windows = find_windows(clip)
        if not windows:
            raise UserError("nobody is seen in this recording", where=clip.origin.file or clip.origin.name)
        features = self.features([cut(clip, w) for w in windows])
        probabilities, rejected = self.judge(features, bank, false_accepts)
        segments = merge_windows(windows, probabilities, rejected, list(bank.labels), frame_rate(clip), top)
        if explain:
            segments = [self._explained(clip, s, windows, features, probabilities, bank) for s in segments]
        return Recognition(segments, understood, (*self._notes(clip), *self._doubts_of(labels)))

    def judge(
        self, features: Float32[np.ndarray, "N D"], bank: TextBank, false_accepts: float | None = None
    ) -> tuple[Float[np.ndarray, "N K"], Bool[np.ndarray, " N"]]:
        """Calibrated probabilities of each window's labels, and which windows show none of them."""
        method, card = self.run.method, self.run.card
        scores = method.scores(features, bank)
        probabilities = card.calibration.probabilities(scores)
        if card.rejection is None:
            return probabilities, np.zeros(len(scores), dtype=bool)
        least = card.rejection.threshold(len(bank), false_accepts)
        vocabulary = self.run.vocabulary
        if vocabulary is None:
            return probabilities, statistic(scores) < least
        against = method.scores(features, vocabulary)
        return probabilities, statistic(scores, against, self._likest_to(bank, vocabulary)) < least

    def _likest_to(self, bank: TextBank, vocabulary: TextBank) -> Float32[np.ndarray, "1 V"]:
        """Likeness of the vocabulary's words to the nearest listed one, kept for as long as the bank itself."""
        key = id(bank)
        if key not in self._likest:
            self._likest[key] = likeness(bank, vocabulary).max(axis=0, keepdims=True)
            weakref.finalize(bank, self._likest.pop, key, None)  # before another bank can get the same id
        return self._likest[key]

    def _explained(
        self, clip: Clip, segment: Segment, windows: Sequence[Window], features: Float32[np.ndarray, "W D"],
        probabilities: Float[np.ndarray, "W K"], bank: TextBank,
    ) -> Segment:  # fmt: skip
        """The segment with the reason for its first label, looked for in the window that is surest of it."""
        fps, first = frame_rate(clip), segment.labels[0].label
        label = bank.labels.index(first)
        inside = [i for i, w in enumerate(windows) if w.person == segment.person and
                  segment.start <= (w.start + w.end) / 2 / fps <= segment.end]  # fmt: skip
        best = max(inside, key=lambda i: probabilities[i, label])
        window = cut(clip, windows[best])
        reason = explain_window(
            window, lambda clips: self.run.method.scores(self.features(clips), bank), label, first,
            self.run.card.calibration.temperature, windows[best].start / fps, fps,
        )  # fmt: skip
        if isinstance(self.run.method, DescribedMethod):
            x = features[[best]]
            found = attribute_reasons(
                self.run.method.contributions(x, bank)[0], clip_values_of(x[:, slice(*self.run.method.columns)])[0],
                values_of(described(bank))[label], label, probabilities[best],
            )  # fmt: skip
            reason = replace(reason, attributes=found)
        return replace(segment, reason=reason)

    def texts(self, labels: Sequence[str] | ClassSet) -> tuple[TextBank, dict[str, str]]:
        """The text bank of some words, and which of them were described from a class set."""
        if isinstance(labels, ClassSet):
            return self._bank(labels), {}
        words = self._asked(labels)
        return words.bank, words.understood

    def features(self, clips: Sequence[Clip]) -> Float32[np.ndarray, "N D"]:
        """Features of clips as recorded: the encoder's, kinematic ones, or both, as the run was trained on.

        Raises
        ------
        UserError
            Another joint layout than the model was trained on, unless its pipeline takes any.
        """
        card = self.run.card
        for clip in clips if card.network else ():
            if not self.pipeline.common and clip.layout.name != card.layout:
                raise UserError("this recording has another joint layout than the model", where=clip.origin.name,
                                got=clip.layout.name, expected=card.layout,
                                next_step="train with --pipeline common-64, which takes any 3-D layout")  # fmt: skip
        parts = [] if self.run.encoder is None else [self._encoded(clips, self.run.encoder)]
        return np.concatenate([*parts, *(of_clips(clips) if card.kinematic else ())], axis=1)

    def _encoded(self, clips: Sequence[Clip], encoder: TrainedEncoder) -> Float32[np.ndarray, "N D"]:
        card = self.run.card
        prepared = prepare_clips(list(clips), self.pipeline)
        absent = card.persons - prepared.persons
        if absent > 0:
            prepared = replace(prepared, data=np.pad(prepared.data, [(0, 0)] * 4 + [(0, absent)]))
        return encoder.encode(prepared).features

    def _asked(self, labels: Sequence[str]) -> _Words:
        key = tuple(labels)
        if key not in self._words:
            class_set, understood = understand(key)
            self._words[key] = _Words(class_set, self._bank(class_set), understood)
            _forget_oldest(self._words)
        return self._words[key]

    def _bank(self, class_set: ClassSet) -> TextBank:
        return build_bank(class_set, load_text_encoder(self.run.card.text_encoder), self.run.card.kinds)

    def _doubts_of(self, labels: Sequence[str] | ClassSet) -> list[str]:
        """Words of which hardly any movement is known, where the run goes by movement."""
        if isinstance(labels, ClassSet):
            return self._doubts(labels)
        key = tuple(labels)
        if key not in self._doubted:
            self._doubted[key] = self._doubts(self._asked(labels).classes)
            _forget_oldest(self._doubted)
        return self._doubted[key]

    def _doubts(self, asked: ClassSet) -> list[str]:
        if not type(self.run.method).described:
            return []
        unwritten = [c for c in asked.classes if c.profile is None]
        if not unwritten:
            return []
        translator = load_translator(load_text_encoder(self.run.card.text_encoder))
        certainty = translator.read([texts_of(c) for c in unwritten]).certainty
        return [f"hardly anything is known of how {c.label!r} moves (certainty {sure:.2f}): describe it in other words"
                for c, sure in zip(unwritten, certainty, strict=True) if sure < DOUBTFUL]  # fmt: skip

    def _notes(self, clip: Clip) -> tuple[str, ...]:
        notes = []
        if self.run.card.dataset == "synthetic" and self.run.card.method != "match":
            notes.append("this model was trained on synthetic motion only; on real recordings its answers are a guess")
        if clip.layout.dims == 2:
            notes.append("the recording is 2-D: people are taken as filmed from the front, and what needs depth "
                         "(reaching, bending or walking forward, twisting) is unknown")  # fmt: skip
        if HIPS_ORIGIN in clip.history:
            notes.append("every frame is centred on the hips: ways through the room and jumps are unknown")
        if np.isnan(clip.fps):
            notes.append("the recording does not say its frame rate; 30 frames a second are assumed")
        return tuple(notes)


def _forget_oldest(kept: dict[tuple[str, ...], Any]) -> None:
    while len(kept) > LISTS_KEPT:
        del kept[next(iter(kept))]
