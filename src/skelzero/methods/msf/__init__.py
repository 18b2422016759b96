"""MSF-GZSSAR: fused texts, two aligned VAEs, a classifier on latents generated from text."""

from skelzero.methods.msf.msf import Msf
from skelzero.methods.msf.settings import MsfSettings

__all__ = ["Msf", "MsfSettings"]
