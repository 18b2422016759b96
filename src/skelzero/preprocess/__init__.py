"""Preprocessing: named steps and pipelines, and whole stores made ready for an encoder."""

from skelzero.preprocess.pipeline import PIPELINES, Pipeline, default_pipeline
from skelzero.preprocess.prepared import Prepared, prepare, prepare_clips

__all__ = ["PIPELINES", "Pipeline", "Prepared", "default_pipeline", "prepare", "prepare_clips"]
