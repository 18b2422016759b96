"""Skeleton encoders: graphs from layouts, networks, their training, and features with a card."""

from skelzero.encoders import ctr_gcn, shift_gcn, st_gcn  # noqa: F401  (they register themselves)
from skelzero.encoders.augmentation import Augmentation
from skelzero.encoders.base import ENCODERS, EncoderSpec, SkeletonEncoder
from skelzero.encoders.cache import cached_encoder
from skelzero.encoders.card import EncoderCard, check_leak
from skelzero.encoders.features import FeatureCard, FeatureSet
from skelzero.encoders.frozen import FrozenEncoder
from skelzero.encoders.graph import SkeletonGraph
from skelzero.encoders.settings import TrainSettings
from skelzero.encoders.trained import TrainedEncoder, load_public_weights
from skelzero.encoders.training import train_encoder

__all__ = [
    "ENCODERS",
    "Augmentation",
    "EncoderCard",
    "EncoderSpec",
    "FeatureCard",
    "FeatureSet",
    "FrozenEncoder",
    "SkeletonEncoder",
    "SkeletonGraph",
    "TrainSettings",
    "TrainedEncoder",
    "cached_encoder",
    "check_leak",
    "load_public_weights",
    "train_encoder",
]
