"""The published alignment on a live stream: prototypes that move with every clip, in bounded memory."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float64

from skelzero.errors import UserError
from skelzero.methods.alignment.geometry import (
    canonical_order,
    checked_anchors,
    checked_vectors,
    clip_entropy,
    unit,
)
from skelzero.methods.alignment.memory import ClassMemory
from skelzero.methods.alignment.prototypes import prototype, prototypes_of
from skelzero.methods.alignment.settings import AlignmentSettings


class StreamAligner:
    """Aligns clips as they come, one by one or in batches.

    Pseudo-labels and entropies come from the texts, which do not change; so a clip is judged once, and only its unit
    vector has to be kept. A class keeps the vectors of its first `memory` clips: up to there the prototypes are those
    of `align` on all clips so far. Beyond, clips that are neighbours in entropy are merged into buckets (number of
    clips, mean entropy, sum of vectors), of which a class has at most `memory`, each with at most 2 / `memory` of its
    clips. No clip is forgotten: floor(alpha n) still counts all of them, and only which clips it takes is blurred, by
    about the width of a bucket. With alpha = 1 nothing is lost but rounding.

    Merging was preferred to keeping the most confident clips because that would let alpha shrink as the stream grows.

    The scores of a clip use the prototypes that include it and all that came with it or before; so the whole set in
    one update gives the bits of `align`, however small the memory.

    Parameters
    ----------
    anchors : float (K, D)
        Texts of the classes.
    settings : AlignmentSettings
        Of the form `prototypes`; equal shares need the whole set. A `prior` of a few clips calms the beginning.
    memory : int
        Buckets a class; the state is at most K memory (D + 4) + 2 K D numbers.

    Raises
    ------
    UserError
        The balanced form, a memory below 1, texts that `align` would refuse.
    """

    def __init__(self, anchors: Float[np.ndarray, "K D"], settings: AlignmentSettings, memory: int = 256) -> None:
        if settings.form != "prototypes":
            raise UserError("a stream cannot be balanced", got=f"form {settings.form}", expected="form prototypes",
                            next_step="call align on the whole set")  # fmt: skip
        if memory < 1:
            raise UserError("a stream needs memory", got=memory, expected="at least 1 clip a class")
        given = checked_anchors(anchors)
        self._classes = canonical_order(given)
        self._back = np.argsort(self._classes)
        self._texts = unit(given[self._classes])
        self.settings, self.memory = settings, memory
        self._buckets = [ClassMemory.empty(given.shape[1]) for _ in given]
        self._prototypes = prototypes_of(np.zeros_like(self._texts), self._texts, settings)

    @property
    def prototypes(self) -> Float64[np.ndarray, "K D"]:
        """The classes as they are now, of length 1."""
        return self._prototypes[self._back]

    @property
    def seen(self) -> Float64[np.ndarray, " K"]:
        """Clips so far, by pseudo-label."""
        return np.array([bucket.weight.sum() for bucket in self._buckets])[self._back]

    def update(self, vectors: Float[np.ndarray, "B D"]) -> Float64[np.ndarray, "B K"]:
        """Take in the next clips and score them; B may be 0.

        Raises
        ------
        UserError
            Values that are not finite, another width than the texts; the state is then as it was.
        """
        raw = checked_vectors(vectors, self._texts.shape[1])
        clips = canonical_order(raw)
        units = unit(raw[clips])
        cosines = units @ self._texts.T
        labels, entropy = cosines.argmax(axis=1), clip_entropy(cosines, self.settings.temperature)
        for label in np.unique(labels):
            rows = np.flatnonzero(labels == label)
            grown = self._buckets[label].with_clips(entropy[rows], cosines[rows, label], units[rows])
            total = grown.confident_sum(self.settings.alpha)
            self._prototypes[label] = prototype(total, self._texts[label], self.settings)
            self._buckets[label] = grown.bounded(self.memory)
        scores = units @ self._prototypes.T
        return scores[np.argsort(clips)][:, self._back]

    def state(self) -> dict[str, np.ndarray]:
        """All that the stream remembers, as arrays; M buckets over all classes.

        `classes` int64 (M,) and `entropy`, `fit`, `weight` float64 (M,), `sums` float64 (M, D), `prototypes` and
        `anchors` float64 (K, D), the texts brought to length 1.
        """
        counts = [len(bucket.weight) for bucket in self._buckets]
        return {
            "classes": np.repeat(self._classes, counts).astype(np.int64),
            **{name: np.concatenate([getattr(b, name) for b in self._buckets])
               for name in ("entropy", "fit", "weight", "sums")},
            "prototypes": self.prototypes, "anchors": self._texts[self._back],
        }  # fmt: skip

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where another stream with the same texts was; the settings and the memory stay this one's.

        Raises
        ------
        UserError
            Arrays that are missing or do not fit, or a stream of other texts.
        """
        read = self._checked(state)
        own = [read["classes"] == k for k in self._classes]
        self._buckets = [
            ClassMemory(read["entropy"][m], read["fit"][m], read["weight"][m], read["sums"][m]) for m in own
        ]
        self._buckets = [bucket.bounded(self.memory) for bucket in self._buckets]
        self._prototypes = read["prototypes"][self._classes]

    def _checked(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        K, D = self._texts.shape
        rows = np.size(state.get("classes", ()))
        shapes = {"classes": (rows,), "entropy": (rows,), "fit": (rows,), "weight": (rows,), "sums": (rows, D),
                  "prototypes": (K, D), "anchors": (K, D)}  # fmt: skip
        for name, shape in shapes.items():
            got = np.shape(state[name]) if name in state else "nothing"
            if got != shape or not np.isfinite(state[name]).all():
                raise UserError("this is no state of a stream", where=name, got=got, expected=f"finite numbers {shape}")
        read = {name: np.array(state[name], dtype=np.float64) for name in shapes}
        if not np.array_equal(read["anchors"], self._texts[self._back]):
            raise UserError(
                "this state belongs to other texts", where="anchors", next_step="use the texts it began with"
            )
        if not (np.isin(read["classes"], np.arange(K)).all() and (read["weight"] > 0).all()):
            raise UserError("this is no state of a stream", where="classes, weight", expected=f"0..{K - 1}, above 0")
        return read
