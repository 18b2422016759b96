"""Clips: one recording, its joint layout, and stores of many."""

from skelzero.clips.clip import Clip, Origin
from skelzero.clips.layout import COMMON_JOINTS, JointLayout, layout_names, load_layout
from skelzero.clips.store import ClipStore
from skelzero.clips.store_card import StoreCard
from skelzero.clips.store_writer import StoreWriter, write_store

__all__ = [
    "COMMON_JOINTS",
    "Clip",
    "ClipStore",
    "JointLayout",
    "Origin",
    "StoreCard",
    "StoreWriter",
    "layout_names",
    "load_layout",
    "write_store",
]
