"""skelzero: zero-shot recognition of human actions from skeletons."""

__version__ = "0.1.0"
