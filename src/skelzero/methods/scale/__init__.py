"""SCALE (arXiv 2604.02222): class-conditional energy ranking."""

from skelzero.methods.scale.scale import Scale
from skelzero.methods.scale.settings import ScaleSettings

__all__ = ["Scale", "ScaleSettings"]
