"""Generative baselines: aligned VAEs, and a classifier over the latents that texts generate."""

from skelzero.methods.generative.cada_vae import CadaVae
from skelzero.methods.generative.synse import Synse

__all__ = ["CadaVae", "Synse"]
