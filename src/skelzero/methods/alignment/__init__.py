"""Alignment at test: unlabelled clips replace the texts of their classes (PGFA, arXiv 2507.00566).

A transductive setting: it sees the test clips, and its results never share a column with inductive ones. Pure
functions on arrays, on top of any method's embeddings or scores.
"""

from skelzero.methods.alignment.common_space import align
from skelzero.methods.alignment.guard import Guard, StreamStatistics
from skelzero.methods.alignment.rule import Condition, Rule, Trial, fit_guard, soften
from skelzero.methods.alignment.score_space import align_scores
from skelzero.methods.alignment.settings import Alignment, AlignmentSettings
from skelzero.methods.alignment.sinkhorn import balanced_assignment
from skelzero.methods.alignment.stream import StreamAligner

__all__ = [
    "Alignment",
    "AlignmentSettings",
    "Condition",
    "Guard",
    "Rule",
    "StreamAligner",
    "StreamStatistics",
    "Trial",
    "align",
    "align_scores",
    "balanced_assignment",
    "fit_guard",
    "soften",
]
