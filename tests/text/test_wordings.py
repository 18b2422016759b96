"""Word weights are those of the library that is too slow to import."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from skelzero.text.attributes.profiles import movements
from skelzero.text.attributes.wordings import FEWEST, Wordings
from skelzero.text.rules import words_of

TEXTS = [text for label, motion, _ in movements() for text in (label, motion)]
OTHERS = ["one hand waves, waves and waves again", "xyzzy", "", "sit down on a chair"]


def test_vectors_are_those_of_scikit_learn() -> None:
    found = Wordings(TEXTS)
    reference = TfidfVectorizer(tokenizer=words_of, token_pattern=None, sublinear_tf=True, min_df=FEWEST)
    known = reference.fit_transform(TEXTS)
    np.testing.assert_allclose(found.known.toarray(), known.toarray(), atol=1e-12)
    np.testing.assert_allclose(found.of(OTHERS).toarray(), reference.transform(OTHERS).toarray(), atol=1e-12)
    assert not found.of(OTHERS).toarray()[1:3].any(), "unknown words say nothing"
