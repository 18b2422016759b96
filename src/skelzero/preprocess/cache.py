"""The cache folder, under the name that the folders after this one know."""

from skelzero.caches import cache_folder

__all__ = ["cache_folder"]
