"""Imports every command module so that `app` knows them. The modules import heavy parts only inside their functions."""

from skelzero.cli import attributes, compare, data, demo, encode, evaluate, recognize, report, synthetic, text, train  # noqa: F401
