"""The command line: thin programs over the library, one file a group of commands."""

from skelzero.cli.app import app, main

__all__ = ["app", "main"]
