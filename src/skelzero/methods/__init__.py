"""Zero-shot methods: where clip features and class semantics meet."""

from skelzero.methods.base import METHODS, EndToEndMethod, MethodSettings, MethodSpec, ZeroShotMethod, load_method
from skelzero.methods.conse import Conse
from skelzero.methods.devise import Devise
from skelzero.methods.eszsl import Eszsl
from skelzero.methods.generative import CadaVae, Synse
from skelzero.methods.jpose import Jpose
from skelzero.methods.match import Match
from skelzero.methods.msf import Msf, MsfSettings
from skelzero.methods.pgfa import Pgfa, PgfaSettings
from skelzero.methods.revise import Revise
from skelzero.methods.ridge import Ridge
from skelzero.methods.scale import Scale, ScaleSettings
from skelzero.methods.skelzero import Skelzero
from skelzero.methods.smie import Smie, SmieSettings

__all__ = [
    "METHODS",
    "CadaVae",
    "Conse",
    "Devise",
    "EndToEndMethod",
    "Eszsl",
    "Jpose",
    "Match",
    "MethodSettings",
    "MethodSpec",
    "Msf",
    "MsfSettings",
    "Pgfa",
    "PgfaSettings",
    "Revise",
    "Ridge",
    "Scale",
    "ScaleSettings",
    "Skelzero",
    "Smie",
    "SmieSettings",
    "Synse",
    "ZeroShotMethod",
    "load_method",
]
