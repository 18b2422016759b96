"""Imports every command module so that `app` knows them. The modules import heavy parts only inside their functions."""

from skelzero.cli import data, recognize, synthetic, text  # noqa: F401
