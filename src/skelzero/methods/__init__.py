"""Zero-shot methods: where clip features and class semantics meet."""

from skelzero.methods.base import METHODS, MethodSettings, MethodSpec, ZeroShotMethod, load_method
from skelzero.methods.ridge import Ridge
from skelzero.methods.scale import Scale, ScaleSettings

__all__ = [
    "METHODS",
    "MethodSettings",
    "MethodSpec",
    "Ridge",
    "Scale",
    "ScaleSettings",
    "ZeroShotMethod",
    "load_method",
]
