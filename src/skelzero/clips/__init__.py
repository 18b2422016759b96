"""Clips: one recording, its joint layout, and stores of many."""

from skelzero.clips.clip import Clip, Origin
from skelzero.clips.layout import COMMON_JOINTS, JointLayout, layout_names, load_layout

__all__ = ["COMMON_JOINTS", "Clip", "JointLayout", "Origin", "layout_names", "load_layout"]
