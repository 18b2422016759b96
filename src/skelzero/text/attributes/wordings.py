"""Which words texts share: tf-idf vectors of word stems.

The usual library for this costs a second to import, which a program that answers within a few seconds notices; a test
holds this to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from skelzero.text.rules import words_of

FEWEST = 2
"""Texts in which a word must occur to count."""


class Wordings:
    """Word weights learned from some texts.

    A text's vector has, for each of its known words, (1 + ln count) * idf with idf = 1 + ln((1 + N) / (1 + n)), N texts
    of which n have the word, and unit length (Salton and Buckley 1988, smoothed).

    Attributes
    ----------
    known : sparse float64 (N, W)
        The vectors of the texts learned from.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(words_of(text)) for text in texts]
        occurs = Counter(word for count in counts for word in count)
        kept = sorted(word for word, n in occurs.items() if n >= FEWEST)
        self._column = {word: i for i, word in enumerate(kept)}
        self._idf = 1 + np.log((1 + len(texts)) / (1 + np.array([occurs[word] for word in kept])))
        self.known = self._vectors(counts)

    def of(self, texts: Sequence[str]) -> Any:
        """Vectors of other texts, sparse float64 (Q, W); unknown words do not count."""
        return self._vectors([Counter(words_of(text)) for text in texts])

    def _vectors(self, counts: Sequence[Counter[str]]) -> Any:
        values: list[float] = []
        columns: list[int] = []
        starts = [0]
        for count in counts:
            own = sorted((self._column[word], n) for word, n in count.items() if word in self._column)
            weights = np.array([(1 + np.log(n)) * self._idf[column] for column, n in own])
            values.extend((weights / np.linalg.norm(weights)).tolist() if own else [])
            columns.extend(column for column, _ in own)
            starts.append(len(columns))
        return csr_matrix((values, columns, starts), shape=(len(counts), len(self._column)), dtype=np.float64)
