"""Half-trained encoders on disk, so that a killed training goes on where it was."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch

from skelzero.cards import replacing
from skelzero.encoders.base import SkeletonEncoder
from skelzero.errors import UserError
from skelzero.journal import Note

FILE = "checkpoint.pt"


class Checkpoint:
    """The newest state of one training.

    Parameters
    ----------
    folder : Path
    key : str
        Of the training; a checkpoint of another one is refused.

    Attributes
    ----------
    losses : list of Note
        What was noted so far; saved and restored with the weights.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.path = folder / FILE
        self.key = key
        self.losses: list[Note] = []

    def save(self, model: SkeletonEncoder, optimizer: Any, steps: int) -> None:
        """Replace the file by a newer one; a kill leaves either the old or the new."""
        state = {"key": self.key, "steps": steps, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                 "losses": [(note.part, note.step, dict(note.values)) for note in self.losses]}  # fmt: skip
        with replacing(self.path) as new, new.open("wb") as file:
            torch.save(state, file)  # given a path, it would write the passing name into the file

    def restore(self, model: SkeletonEncoder, optimizer: Any) -> int:
        """Take over the saved state, if there is one; the steps that are done.

        Raises
        ------
        UserError
            The file is broken or belongs to another training.
        """
        if not self.path.is_file():
            return 0
        try:
            with zipfile.ZipFile(self.path) as archive:  # torch does not look at the sums of the archive that it writes
                if (damaged := archive.testzip()) is not None:
                    raise ValueError(f"{damaged} does not fit its checksum")
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            if state["key"] != self.key:
                raise UserError("this checkpoint is of another training", where=self.path,
                                next_step="give another folder, or delete it to start anew")  # fmt: skip
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            self.losses = [Note(part, step, values) for part, step, values in state.get("losses", [])]
            return int(state["steps"])
        except UserError:
            raise
        except Exception as error:
            raise UserError("a checkpoint cannot be read", where=self.path, got=str(error).splitlines()[:1],
                            next_step="delete it to start anew") from error  # fmt: skip
