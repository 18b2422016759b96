"""Motion attributes and kinematic features measured from clips; nothing here is trained."""

from skelzero.kinematics.attributes import known, measure, measure_clips
from skelzero.kinematics.bodies import Bodies, to_bodies
from skelzero.kinematics.joined import ATTRIBUTES, COURSES, NETWORK, alone, beside, of_clips, of_store, parse_encoder

__all__ = [
    "ATTRIBUTES", "COURSES", "NETWORK", "Bodies", "alone", "beside", "known", "measure", "measure_clips", "of_clips",
    "of_store", "parse_encoder", "to_bodies",
]  # fmt: skip
