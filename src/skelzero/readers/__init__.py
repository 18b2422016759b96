"""Files to clips: one module a format, one registry, archives read in place."""

from skelzero.readers import (  # noqa: F401  (they register themselves)
    bvh,
    coco_keypoints,
    ctr_gcn_npz,
    landmark_tables,
    mediapipe,
    msr_action3d,
    ntu,
    nw_ucla,
    openpose,
    pku_mmd,
    pyskl_pickle,
    smie_npy,
    utd_mhad,
    video,
)
from skelzero.readers.archive import iter_sources, list_sources
from skelzero.readers.base import READERS, MemorySource, Reader, Skipped, Source, from_bytes
from skelzero.readers.reading import choose_reader, clips_of, detect, read_clip, read_clips

__all__ = [
    "READERS",
    "MemorySource",
    "Reader",
    "Skipped",
    "Source",
    "choose_reader",
    "clips_of",
    "detect",
    "from_bytes",
    "iter_sources",
    "list_sources",
    "read_clip",
    "read_clips",
]
