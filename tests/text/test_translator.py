"""Profiles read from words: the process is what it says it is, knows what it was told, and doubts the rest."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF

from skelzero.errors import UserError
from skelzero.text.attributes import translator as module
from skelzero.text.attributes.lexicon import read_words
from skelzero.text.attributes.profiles import movements, read_profile
from skelzero.text.attributes.schema import load_schema
from skelzero.text.attributes.translator import (
    DOUBTFUL,
    SECOND,
    TWINS,
    Translator,
    kin_of,
    learned_from,
    load_translator,
    texts_of,
)
from skelzero.text.attributes.vectors import profile_vectors, values_of
from skelzero.text.class_sets import ActionClass, class_set_names, load_class_set
from skelzero.text.encoders import TextStates, load_text_encoder
from skelzero.text.rules import words_of

SCHEMA = load_schema()
MINILM = load_text_encoder("minilm")
TOLD = {
    "wave one hand": {"arm-moves": 0.8, "hand-top": 1.6, "arm-repeats": 0.9},
    "wave both hands": {"arm-moves": 0.8, "other-arm-moves": 0.8, "hand-top": 1.6, "side": 1},
    "the hands clap": {"arm-moves": 0.6, "other-arm-moves": 0.6, "hands-meet": 1},
    "jump, jump and jump": {"jump": 1, "leg-moves": 0.4, "side": -1},
    "jump once": {"jump": 1, "knee-bend": 0.4},
    "one squat": {"hip-drop": 0.7, "knee-bend": 0.9},
}
ASKED = ["jump on one leg and clap", "wave one hand", "nothing of this"]


class Drawn:
    """An encoder that gives every text a vector drawn for it."""

    name = identity = "drawn"

    def encode(self, texts: Sequence[str]) -> TextStates:
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=4) for text in texts]
        return TextStates.pooled_only(np.array(drawn, dtype=np.float32))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Translator:
    """A translator that was told six things."""
    profiles = np.stack([read_profile(profile) for profile in TOLD.values()])
    told = list(TOLD)
    examples = module.Examples(told, [f"<{text}>" for text in told], [""] * len(told), profile_vectors(profiles),
                               Translator.encode(Drawn(), told), module._readings(told))  # fmt: skip
    monkeypatch.setattr(module, "learned_from", lambda encoder: examples)
    return Translator(Drawn())


def by_hand(asked: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and certainty of a Gaussian process, from its textbook formula and with likeness one pair at a time."""
    told = list(TOLD)
    documents = Counter(word for text in told for word in set(words_of(text)))
    known = {word: math.log((1 + len(told)) / (1 + n)) + 1 for word, n in documents.items() if n >= 2}

    def wording_of(text: str) -> dict[str, float]:
        counts = Counter(word for word in words_of(text) if word in known)
        weights = {word: (1 + math.log(n)) * known[word] for word, n in counts.items()}
        length = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        return {word: w / length for word, w in weights.items()}

    def reading_of(text: str) -> np.ndarray:
        read = read_words(text)
        return np.where(np.isnan(read.values), 0, profile_vectors(read.values[None])[0] * read.weights)

    def likeness(one: str, other: str) -> float:
        a, b = (Drawn().encode([text]).pooled[0].astype(np.float64) for text in (one, other))
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        shared = sum(w * wording_of(other).get(word, 0) for word, w in wording_of(one).items())
        alike = math.exp(-module.MEANING * float(((a - b) ** 2).sum()))
        return alike + module.WORDS * shared + module.READING * float(reading_of(one) @ reading_of(other))

    vectors = profile_vectors(np.stack([read_profile(p) for p in TOLD.values()])).astype(np.float64)
    gram = np.array([[likeness(a, b) + module.NOISE * (a == b) for b in told] for a in told])
    means, certainties = [], []
    for text in asked:
        near = np.array([likeness(text, other) for other in told])
        means.append(vectors.mean(axis=0) + near @ np.linalg.solve(gram, vectors - vectors.mean(axis=0)))
        certainties.append(near @ np.linalg.solve(gram, near) / likeness(text, text))
    return np.array(means), np.array(certainties)


def test_mean_and_variance_by_hand(small: Translator) -> None:
    found = small.read([{"motion": text} for text in ASKED])
    means, certainties = by_hand(ASKED)
    np.testing.assert_allclose(found.values, SCHEMA.settle(values_of(means.astype(np.float32))), atol=1e-4)
    np.testing.assert_allclose(found.certainty, certainties, atol=1e-5)


def test_it_is_a_gaussian_process(small: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Second opinion: scikit-learn's, whose kernel knows no words."""
    monkeypatch.setattr(module, "WORDS", 0.0)
    monkeypatch.setattr(module, "READING", 0.0)
    told, asked = (Drawn().encode(texts).pooled.astype(np.float64) for texts in (list(TOLD), ASKED))
    told, asked = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (told, asked))
    vectors = profile_vectors(np.stack([read_profile(p) for p in TOLD.values()])).astype(np.float64)
    kernel = RBF(math.sqrt(1 / (2 * module.MEANING)), "fixed")
    process = GaussianProcessRegressor(kernel, alpha=module.NOISE, optimizer=None).fit(told, vectors - vectors.mean(0))
    mean, deviation = process.predict(asked, return_std=True)
    found = Translator(Drawn()).read([{"label": text} for text in ASKED])
    expected = values_of((mean + vectors.mean(0)).astype(np.float32))
    np.testing.assert_allclose(found.values, SCHEMA.settle(expected), atol=1e-4)
    np.testing.assert_allclose(found.certainty, 1 - deviation[:, 0] ** 2, atol=1e-5)


def test_texts_of_a_class_are_weighed(small: Translator) -> None:
    """Label and action count once, motion twice; the surest text says how sure all are."""
    label, action, motion = ASKED
    found = small.read([{"label": label, "action": action, "motion": motion}, {"label": label, "motion": label}])
    means, certainties = by_hand(ASKED)
    joined = (means[0] + means[1] + 2 * means[2]) / 4
    expected = SCHEMA.settle(values_of(np.stack([joined, means[0]]).astype(np.float32)))
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    np.testing.assert_allclose(found.certainty, [certainties.max(), certainties[0]], atol=1e-5)
    assert found.nearest[0][0] == "<wave one hand>" and len(set(found.nearest[0])) == 3


def test_one_class_is_read_as_among_others(small: Translator) -> None:
    together = small.read([{"motion": text} for text in ASKED])
    for i, text in enumerate(ASKED):
        alone = small.read([{"label": " ", "motion": text}])
        np.testing.assert_allclose(alone.values[0], together.values[i], atol=1e-6)
        assert alone.nearest[0] == together.nearest[i]
    assert together.profile(1) == pytest.approx(small.read([{"motion": ASKED[1]}]).profile(0))


def test_readings_are_legal_and_settled(small: Translator) -> None:
    values = small.read([{"motion": text} for text in [*TOLD, *ASKED]]).values
    np.testing.assert_array_equal(SCHEMA.settle(values), values)
    for row in values:
        read_profile({n: float(v) for n, v in zip(SCHEMA.names, row, strict=True) if not math.isnan(v)})


@pytest.mark.parametrize("given", [{}, {"label": ""}, {"label": " ", "motion": "\n"}])
def test_a_class_without_words_is_refused(given: dict[str, str], small: Translator) -> None:
    with pytest.raises(UserError, match=r"without words[\s\S]*give it a label or a motion text"):
        small.read([{"label": "walk"}, given])


def test_ready_vectors_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    with pytest.raises(UserError, match=r"no attributes can be read[\s\S]*v\.npy[\s\S]*use minilm, or write"):
        Translator(load_text_encoder(f"file:{tmp_path / 'v.npy'}"))


def test_what_was_said_before_is_known() -> None:
    """As sure as the penalty allows; most come back first, and nearly as they were told."""
    told = movements()[::7]
    found = load_translator(MINILM).read([{"motion": motion} for _, motion, _ in told])
    alone = (1 + module.WORDS) / (1 + module.WORDS + module.NOISE)  # were nothing else like it
    assert (found.certainty > alone - 0.01).all() and (found.certainty <= 1).all() and alone > 0.8
    assert np.mean([near[0] == label for near, (label, _, _) in zip(found.nearest, told, strict=True)]) == 1
    vectors, expected = profile_vectors(found.values), profile_vectors(np.stack([read_profile(p) for _, _, p in told]))
    known = (vectors != 0) & (expected != 0)
    alike = [np.corrcoef(a[k], b[k])[0, 1] for a, b, k in zip(vectors, expected, known, strict=True)]
    assert np.mean(alike) > 0.9 and min(alike) > 0.5


def test_gibberish_is_doubtful_and_typical() -> None:
    words = ["qzxv blorf", "zzkrp wuggle ffnord", "xqj vlk"]
    translator = load_translator(MINILM)
    found = translator.read([{"label": word} for word in words])
    assert (found.certainty < 0.1).all() and DOUBTFUL > 0.1
    typical = SCHEMA.settle(values_of(translator._mean[None].astype(np.float32)))
    known = np.isfinite(found.values) & np.isfinite(typical)
    spread = np.abs(profile_vectors(found.values) - profile_vectors(typical))[known]
    assert known.mean() > 0.8 and spread.mean() < 0.2 and spread.max() < 1


@pytest.mark.parametrize("name", ["utd_mhad", "pku_mmd"])
def test_leaving_a_set_out_leaves_it_out(name: str) -> None:
    """No text of it is learned from, no label of it is named, and readings without it are less sure."""
    left = [c for kin in kin_of(name) for c in load_class_set(kin).classes]
    whole = learned_from(MINILM)
    kept = whole.without(kin_of(name))
    texts, names = kept.texts, kept.names
    others = {
        text for text, label in zip(whole.texts, whole.names, strict=True) if label not in {c.label for c in left}
    }
    assert others <= set(texts) and len(texts) == len(kept.vectors) == len(names) < len(whole.texts)
    elsewhere = {c.label for kin in class_set_names() if load_class_set(kin).name not in kin_of(name)
                 for c in load_class_set(kin).classes}  # fmt: skip
    assert not {c.label for c in left} - elsewhere & set(names)
    assert not {text for c in left for text in (c.action, c.motion)} & set(texts)
    asked = [texts_of(c) for c in load_class_set(name).classes]
    without, knowing = load_translator(MINILM, kin_of(name)).read(asked), load_translator(MINILM).read(asked)
    assert not {label for near in without.nearest for label in near} & ({c.label for c in left} - elsewhere)
    assert (without.certainty <= knowing.certainty + 1e-6).all()


def test_second_wordings_are_never_learned_from() -> None:
    texts = set(learned_from(MINILM).texts)
    for name in class_set_names():
        classes = load_class_set(name).classes
        assert all((c.motion in texts) is not name.endswith(SECOND) for c in classes)


def test_kin_and_texts() -> None:
    assert set(kin_of("ntu120")) == set(kin_of("pku_mmd")) == {"ntu120", "pku_mmd"} and kin_of("words") == ("words",)
    assert set(TWINS) <= set(class_set_names())
    c = ActionClass(code="a", label="nod", motion=" ", verb="nod", noun="head")
    assert texts_of(c) == {"label": "nod"}


def test_readings_are_repeatable() -> None:
    asked = [texts_of(c) for c in load_class_set("nw_ucla").classes]
    first = load_translator(MINILM, ["nw_ucla"])
    assert load_translator(MINILM, ("nw_ucla",)) is first and load_translator(MINILM) is not first
    one, other = first.read(asked), Translator(MINILM, ("nw_ucla",)).read(asked)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.certainty, other.certainty)
    assert one.nearest == other.nearest


def test_what_ships_ready_is_current() -> None:
    """Else every user pays the encoding; after a change: python -m skelzero.text.attributes.translator."""
    with module.shipped(module.READY).open("rb") as file, np.load(file) as arrays:
        assert str(arrays["key"]) == module.ready_key(MINILM), "made of other texts, another lexicon or encoder"
        assert str(arrays["key"]) != module.ready_key(Drawn())
    ready, read = learned_from(MINILM), module._read_examples(MINILM)
    assert (ready.texts, ready.names, ready.sets) == (read.texts, read.names, read.sets)
    np.testing.assert_array_equal(ready.vectors, read.vectors)
    np.testing.assert_allclose(ready.meanings, read.meanings, atol=1e-3)
    np.testing.assert_allclose(ready.readings, read.readings, atol=1e-2)
