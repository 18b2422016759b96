"""From words to motion attributes: a Gaussian process over described movements, by what they mean and how it is said.

It learns from everything in the package that has words and a written profile: the class sets (label, action and motion
text each by itself) and the further movements. Two texts are near when a sentence encoder says so, when they share
words, and when the lexicon reads the same from both; the mean of the process is the profile of new words, and its
variance says how sure it is.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64
from scipy.linalg import cho_solve, cholesky, solve_triangular

from skelzero.cards import sha256_of, sha256_text
from skelzero.errors import UserError
from skelzero.text.attributes.files import shipped
from skelzero.text.attributes.lexicon import read_words
from skelzero.text.attributes.profiles import movements, read_profile, write_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.vectors import profile_vectors, values_of
from skelzero.text.attributes.wordings import Wordings
from skelzero.text.cached import encode_cached
from skelzero.text.class_sets import ActionClass, class_set_names, load_class_set
from skelzero.text.encoders import TextEncoder
from skelzero.text.vector_files import VectorFiles

SPOKEN = {"label": 1.0, "action": 1.0, "motion": 2.0}
"""Texts that are read, and how much each of them counts: motion descriptions say most about motion."""
SECOND = "-second"
"""Ends the file names of class sets that describe another one's classes in other words."""
TWINS = {"ntu120": ("pku_mmd",), "pku_mmd": ("ntu120",)}
"""Class sets that share most of their classes."""
MEANING, WORDS, READING, NOISE = 2.0, 0.3, 0.01, 0.3
"""Sharpness of likeness in meaning, weights of shared words and of what the lexicon reads, and penalty. Chosen on NTU's
and the synthetic classes (each read without its own profiles), MSR-Action3D, and every third of the movements."""
READY = "ready.npz"
"""All that is learned from, with sentence vectors by the default encoder; written by `write_ready`."""
OWN_FILES = ("translator.py", "wordings.py", "__init__.py")
"""Modules on which the ready examples do not depend."""
DOUBTFUL = 0.25
"""Below this certainty a reading is hardly more than what is typical."""


@dataclass(frozen=True)
class Translation:
    """What some classes were understood as.

    Attributes
    ----------
    values : float64 (K, A)
        In the schema's units; NaN where depending on something that is not there.
    certainty : float64 (K,)
        0: nothing like these words is known, and the values are what is typical; near 1: said before.
    nearest : tuple of tuple of str
        For each class the described movements that are most like it.
    """

    values: Float64[np.ndarray, "K A"]
    certainty: Float64[np.ndarray, " K"]
    nearest: tuple[tuple[str, ...], ...]

    def profile(self, row: int) -> dict[str, float | str]:
        """What differs from rest, for people."""
        return write_profile(self.values[row])


class Translator:
    """Reads profiles from words.

    Parameters
    ----------
    encoder : TextEncoder
    without : sequence of str
        Class sets from whose profiles nothing is learned.

    Raises
    ------
    UserError
        An encoder that knows its classes only.
    """

    def __init__(self, encoder: TextEncoder, without: Sequence[str] = ()) -> None:
        if isinstance(encoder, VectorFiles):
            raise UserError("ready vectors know no other words, so no attributes can be read with them",
                            where=encoder.name, next_step="use minilm, or write the classes' attributes")  # fmt: skip
        self.encoder = encoder
        known = learned_from(encoder).without(without)
        self._names, self._meanings, self._readings = known.names, known.meanings, known.readings
        self._wordings = Wordings(known.texts)
        vectors = known.vectors.astype(np.float64)
        self._mean = vectors.mean(axis=0)
        gram = self._likeness(self._meanings, self._wordings.known, self._readings) + NOISE * np.eye(len(vectors))
        self._root = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        self._weights = cho_solve((self._root, True), vectors - self._mean, check_finite=False)

    def read(self, classes: Sequence[Mapping[str, str]]) -> Translation:
        """Profiles of classes.

        Parameters
        ----------
        classes : sequence of mapping
            Texts by kind, of `SPOKEN`; equal texts of one class are read once.

        Raises
        ------
        UserError
            A class without any words.
        """
        asked: list[dict[str, str]] = [{} for _ in classes]
        for own, given in zip(asked, classes, strict=True):
            for kind in SPOKEN:
                if given.get(kind, "").strip():
                    own.setdefault(given[kind], kind)
        if not all(asked):
            raise UserError("a class without words cannot be read", next_step="give it a label or a motion text")
        texts = list(dict.fromkeys(text for given in asked for text in given))
        meanings, wordings, readings = self.encode(self.encoder, texts), self._wordings.of(texts), _readings(texts)
        likeness = self._likeness(meanings, wordings, readings)
        vectors = self._mean + likeness @ self._weights
        with_itself = 1 + WORDS * wordings.multiply(wordings).sum(axis=1).A1 + READING * (readings**2).sum(axis=1)
        explained = solve_triangular(self._root, likeness.T, lower=True, check_finite=False)
        certainty = (explained**2).sum(axis=0) / with_itself
        row = {text: i for i, text in enumerate(texts)}
        values, sure, nearest = [], [], []
        for given in asked:
            rows = [row[text] for text in given]
            weights = np.array([SPOKEN[kind] for kind in given.values()])
            values.append(weights @ vectors[rows] / weights.sum())
            sure.append(float(certainty[rows].max()))
            nearest.append(self._nearest(likeness[rows].max(axis=0)))
        found = values_of(np.stack(values).astype(np.float32))
        return Translation(load_schema().settle(found), np.clip(sure, 0, 1), tuple(nearest))

    @staticmethod
    def encode(encoder: TextEncoder, texts: Sequence[str]) -> Float32[np.ndarray, "N D"]:
        """Sentence vectors of unit length."""
        pooled = encode_cached(encoder, texts).pooled
        return pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)

    def _likeness(
        self, meanings: Float32[np.ndarray, "Q D"], wordings: Any, readings: Float64[np.ndarray, "Q A"]
    ) -> Float64[np.ndarray, "Q N"]:  # fmt: skip
        """The kernel of the process: texts that were asked for against those that were learned from."""
        cosine = meanings.astype(np.float64) @ self._meanings.T
        shared: Float64[np.ndarray, "Q N"] = (wordings @ self._wordings.known.T).toarray()
        return np.exp(-MEANING * (2 - 2 * cosine)) + WORDS * shared + READING * readings @ self._readings.T

    def _nearest(self, likeness: Float64[np.ndarray, " N"], count: int = 3) -> tuple[str, ...]:
        found: list[str] = []
        for i in np.argsort(-likeness, kind="stable"):
            if self._names[i] not in found:
                found.append(self._names[i])
            if len(found) == count:
                break
        return tuple(found)


_MADE: dict[tuple[str, tuple[str, ...]], Translator] = {}


def load_translator(encoder: TextEncoder, without: Sequence[str] = ()) -> Translator:
    """The translator of an encoder; made once."""
    key = encoder.identity, tuple(sorted(without))
    if key not in _MADE:
        _MADE[key] = Translator(encoder, without)
    return _MADE[key]


def kin_of(class_set: str) -> tuple[str, ...]:
    """A class set and those that share its classes.

    >>> kin_of("utd_mhad"), kin_of("pku_mmd")
    (('utd_mhad',), ('pku_mmd', 'ntu120'))
    """
    return (class_set, *TWINS.get(class_set, ()))


def texts_of(c: ActionClass) -> dict[str, str]:
    """What is said of a class, by kind."""
    return {kind: getattr(c, kind) for kind in SPOKEN if getattr(c, kind).strip()}


@functools.lru_cache(maxsize=4096)
def _reading(text: str) -> Float64[np.ndarray, " A"]:
    """What the lexicon reads, as a profile vector that is 0 where it read nothing, weighted by how sure it is."""
    found = read_words(text)
    return profile_vectors(found.values[None])[0] * np.nan_to_num(found.weights)


def _readings(texts: Sequence[str]) -> Float64[np.ndarray, "N A"]:
    return np.stack([_reading(text) for text in texts])


@dataclass(frozen=True)
class Examples:
    """Texts with a profile: what is learned from.

    Attributes
    ----------
    texts, names, sets : list of str
        What is said, the label of what it is about, and the class set that it stands in ("" for the movements).
    vectors : float32 (N, A)
        Profiles.
    meanings : float32 (N, D)
        Sentence vectors.
    readings : float64 (N, A)
        What the lexicon reads.
    """

    texts: list[str]
    names: list[str]
    sets: list[str]
    vectors: Float32[np.ndarray, "N A"]
    meanings: Float32[np.ndarray, "N D"]
    readings: Float64[np.ndarray, "N A"]

    def without(self, class_sets: Sequence[str]) -> Examples:
        rows = [i for i, name in enumerate(self.sets) if name not in class_sets]
        texts, names, sets = ([column[i] for i in rows] for column in (self.texts, self.names, self.sets))
        return Examples(texts, names, sets, self.vectors[rows], self.meanings[rows], self.readings[rows])


_LEARNED_FROM: dict[str, Examples] = {}


def learned_from(encoder: TextEncoder) -> Examples:
    """The package's examples: ready ones where they are up to date, read from the descriptions otherwise; kept."""
    if encoder.identity not in _LEARNED_FROM:
        _LEARNED_FROM[encoder.identity] = _ready_examples(encoder) or _read_examples(encoder)
    return _LEARNED_FROM[encoder.identity]


def _ready_examples(encoder: TextEncoder) -> Examples | None:
    with shipped(READY).open("rb") as file, np.load(file) as arrays:
        if str(arrays["key"]) == ready_key(encoder):
            texts, names, sets = (arrays[name].tolist() for name in ("texts", "names", "sets"))
            return Examples(texts, names, sets, arrays["vectors"], arrays["meanings"].astype(np.float32),
                            arrays["readings"].astype(np.float64))  # fmt: skip
    return None


def _read_examples(encoder: TextEncoder) -> Examples:
    found: list[tuple[str, str, str, Any]] = []
    for name in class_set_names():
        for c in load_class_set(name).classes if not name.endswith(SECOND) else ():
            for text in dict.fromkeys(texts_of(c).values()) if c.profile is not None else ():
                found.append((text, c.label, name, c.profile))
    for label, motion, given in movements():
        found += [(text, label, "", read_profile(given)) for text in (label, motion)]
    texts, names, sets, profiles = (list(column) for column in zip(*found, strict=True))
    return Examples(texts, names, sets, profile_vectors(np.stack(profiles)), Translator.encode(encoder, texts),
                    _readings(texts))  # fmt: skip


def ready_key(encoder: TextEncoder) -> str:
    """Hash of everything that the ready examples were made of, the lexicon's code included."""
    own = [path for path in shipped().iterdir() if path.name.endswith((".yaml", ".py")) and path.name not in OWN_FILES]
    folders = shipped("profiles"), shipped("movements"), resources.files("skelzero.text") / "class_sets"
    data = [path for folder in folders for path in folder.iterdir() if path.name.endswith(".yaml")]
    learned = [path for path in (*own, *data) if not path.name.endswith(f"{SECOND}.yaml")]
    contents = sorted((path.name, sha256_text(path.read_text(encoding="utf-8"))) for path in learned)
    return sha256_of([encoder.identity, contents])


def write_ready(encoder: TextEncoder, path: Path) -> None:
    """Write `READY`; sentence vectors and readings in half precision: it tells no two texts apart less well."""
    e = _read_examples(encoder)
    np.savez_compressed(path, meanings=e.meanings.astype(np.float16), readings=e.readings.astype(np.float16),
                        vectors=e.vectors, texts=np.array(e.texts), names=np.array(e.names), sets=np.array(e.sets),
                        key=np.array(ready_key(encoder)))  # fmt: skip


if __name__ == "__main__":
    from skelzero.text.encoders import load_text_encoder

    write_ready(load_text_encoder("minilm"), Path(__file__).with_name(READY))
