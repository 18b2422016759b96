"""Words: class sets with their descriptions, text encoders, and banks of class semantics."""

from skelzero.text.bank import TextBank, build_bank
from skelzero.text.class_sets import KINDS, ActionClass, ClassSet, class_set_names, from_labels, load_class_set
from skelzero.text.encoders import TEXT_ENCODERS, TextEncoder, TextStates, load_text_encoder

__all__ = [
    "KINDS",
    "TEXT_ENCODERS",
    "ActionClass",
    "ClassSet",
    "TextBank",
    "TextEncoder",
    "TextStates",
    "build_bank",
    "class_set_names",
    "from_labels",
    "load_class_set",
    "load_text_encoder",
]
